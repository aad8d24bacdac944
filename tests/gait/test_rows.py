from tallrun.gait.rows import REASON_CODES, reason_bit, reason_text


def test_bits_and_codes_are_each_others_inverse():
    for code in REASON_CODES:
        assert reason_text(reason_bit(code)) == code
    assert reason_text(reason_bit("gap") | reason_bit("open_stride")) == "open_stride;gap"
    assert reason_text(0) == ""
