"""Panels of a game in the plane: one each, the same limits, a field only where there is a discriminator."""

import pytest
import torch

from course_lib.viz import game_panels

REAL = torch.tensor([[1.0, 0.0], [0.0, -2.0]])


def test_each_run_has_a_panel_with_its_points_and_the_same_limits() -> None:
    fakes = {f"run {i}": torch.full((3 + i, 2), 0.1 * i) for i in range(5)}
    figure = game_panels(fakes, REAL, ncols=3)
    drawn = [axes for axes in figure.axes if axes.axison]
    assert [axes.get_title() or axes.get_title(loc="left") for axes in drawn] == list(fakes)
    for axes, points in zip(drawn, fakes.values(), strict=True):
        real, generated = (collection.get_offsets() for collection in axes.collections)
        assert torch.equal(torch.tensor(real.data, dtype=torch.float32), REAL)
        assert len(generated) == len(points)
        assert axes.get_xlim() == axes.get_ylim() == (-2.5, 2.5)


def test_a_field_is_drawn_where_there_is_a_discriminator_and_only_there() -> None:
    fakes = {"with": REAL, "without": REAL}
    figure = game_panels(fakes, REAL, discriminators={"with": lambda x: x[:, 0]})
    left, right = figure.axes[:2]
    assert len(left.collections) == len(right.collections) + 1
    assert len(figure.axes) == 3, "one colour bar for all"


def test_what_can_not_be_drawn_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        game_panels({}, REAL)
    with pytest.raises(ValueError, match="ghost"):
        game_panels({"a": REAL}, REAL, discriminators={"ghost": lambda x: x[:, 0]})
    with pytest.raises(ValueError, match=r"shape \(N, 2\)"):
        game_panels({"a": torch.zeros(3)}, REAL)
