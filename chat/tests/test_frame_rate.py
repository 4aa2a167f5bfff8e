"""How many frames a second one socket may send."""

from chat.frame_rate import FrameRate


def test_a_second_of_frames_may_come_at_once_and_then_as_many_each_second():
    rate = FrameRate(10, 100.0)
    assert [rate.take(100.0) for _ in range(12)] == [True] * 10 + [False] * 2
    assert [rate.take(100.5) for _ in range(6)] == [True] * 5 + [False]
    assert [rate.take(200.0) for _ in range(11)] == [True] * 10 + [False]


def test_who_goes_on_is_hopeless_and_who_rests_is_not():
    rate = FrameRate(3, 0.0)
    for _ in range(5):
        rate.take(0.0)
    assert not rate.is_hopeless()
    rate.take(10.0)
    assert rate.refused == 0
    for _ in range(5):
        rate.take(10.0)
    assert rate.is_hopeless()
