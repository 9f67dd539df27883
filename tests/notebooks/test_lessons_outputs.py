"""What a lesson's outputs become when they are committed: text in one piece, no widget that needs a kernel."""

from nbformat.v4 import new_output

from course_lib.lessons.execute import WIDGET, as_read


def text(value: str, name: str = "stdout"):
    return new_output("stream", name=name, text=value)


def test_of_a_line_printed_over_again_the_last_state_is_kept() -> None:
    pieces = [text("3 weights\n\rstep 1/3"), text("\rstep 2/3"), text("\rstep 3/3  done\n"), text("loss 1\r\n")]
    (only,) = as_read(pieces)
    assert only.text == "3 weights\nstep 3/3  done\nloss 1\r\n"
    assert pieces[0].text == "3 weights\n\rstep 1/3"


def test_text_keeps_its_place_among_pictures_and_its_stream() -> None:
    picture = new_output("display_data", data={"image/png": "AAAA"})
    read = as_read([text("a\n"), text("b\n"), text("warning\n", "stderr"), picture, text("c\n"), text("d\n")])
    assert [output.get("text", "picture") for output in read] == ["a\nb\n", "warning\n", "picture", "c\nd\n"]


def test_a_widget_leaves_its_picture_or_nothing() -> None:
    slider = new_output("display_data", data={WIDGET: {}, "image/png": "AAAA", "text/plain": "a slider"})
    bar = new_output("display_data", data={WIDGET: {}, "text/plain": "a bar"})
    (only,) = as_read([bar, slider])
    assert set(only.data) == {"image/png", "text/plain"}
    assert WIDGET in slider.data
