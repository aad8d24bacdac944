"""When a flag was up, and by what evidence."""

import tallrun as tr

tables = tr.analyze(tr.simulate.bundled("demo_treadmill")[0])
found = tr.flags(tables)
print(found[["flag", "start_s", "end_s", "value", "reference", "reference_kind"]].to_string())
running = tables.strides[tables.strides["mode"] == "run"]
tr.draw("flags.svg", {"overstride index": (running["initial_contact_s"], running["overstride_index"])},
        "Overstride index; shaded: a flag was up", "time [s]", "index",
        bands=list(zip(found["start_s"], found["end_s"], strict=True)))  # fmt: skip
