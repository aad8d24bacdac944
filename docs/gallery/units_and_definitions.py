"""Every column says its unit and what it is; unknown is NaN with a reason."""

import tallrun as tr

strides = tr.analyze(tr.simulate.bundled("one_foot")[0]).strides
for name in ("stance_time_s", "flight_time_s", "pelvic_tilt_deg"):
    print(f"{name} [{strides.attrs['units'][name]}] {strides.attrs['definitions'][name]}")
    print(f"  known in {strides[name].notna().mean():.0%} of the strides")
print(strides["reasons"].str.split(";").explode().value_counts())
known = strides.drop(columns=["foot", "mode", "reasons"]).notna().mean().sort_values()
tr.draw("units_and_definitions.svg", {"share of strides": (range(len(known)), 100 * known)},
        "How much one foot sensor knows", "column, least known first", "known [%]")  # fmt: skip
