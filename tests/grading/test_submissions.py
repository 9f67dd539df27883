"""What was handed in is found in every layout, zipped or not; a zip is looked through as what it is, a stranger's."""

import os
import stat
import struct
import unicodedata
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from conftest import read

from course_lib.exercises.load import OURS
from course_lib.exercises.variants import exercise_names
from course_lib.grading.intake import submissions, zips
from course_lib.grading.intake.lms_names import FileNames
from course_lib.grading.intake.read import MAX_BYTES, SubmissionError
from course_lib.grading.intake.submissions import Submission

NAMES = FileNames(exercise_names(OURS))
VAE, GAN = "05_variational_autoencoder", "07_gan"
CANVAS = {
    f"doejane_777_888_{VAE}.ipynb": "old",
    f"doejane_LATE_777_1204_{VAE}-1.ipynb": "last",
    f"doejane_777_991_{VAE}-2.ipynb": "middle",
    f"gauß_12_34_{GAN}.ipynb": "gan",
    "gauß_12_35_answers.ipynb": "?",
    "roe_9_10_report.pdf": "pdf",
    "poe_5_6_work.zip": "zip",
    "LATE_anon_x1y2z_70_mine.ipynb": "anonymous",
}
MOODLE = {
    f"Jane Doe_4242_assignsubmission_file_/{VAE}.ipynb": "jane",
    "Jane Doe_4242_assignsubmission_file_/scratch/try.ipynb": "scratch",
    "Jane Doe_4242_assignsubmission_onlinetext/onlinetext.html": "hello",
    "Ada Lovelace_7_assignsubmission_file/sub/folder/answers.ipynb": "ada",
    f"Bob Kant_8_assignsubmission_file_{GAN}.ipynb": "bob",
    "Eve X_9_assignsubmission_file/a.ipynb": "a",
    "Eve X_9_assignsubmission_file/b.ipynb": "b",
}
TREE = {
    f"ada/{VAE}/{VAE}.ipynb": "ada",
    f"ada/{VAE}/scratch.ipynb": "scratch",
    f"bob__{GAN}.ipynb": "bob",
    f"cy/{GAN}.ipynb": "cy",
}


def find_submissions(place: Path, out: Path | None = None) -> list[Submission]:
    """With the course's own exercises."""
    return list(submissions.find_submissions(place, NAMES.exercises, out).submissions)


def skipped(place: Path) -> list[str]:
    return list(submissions.find_submissions(place, NAMES.exercises).skipped)


def put(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def zipped(path: Path, files: dict[str, str], **kind) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, **kind) as file:
        for name, text in files.items():
            file.writestr(name, text)
    return path


def place(tmp_path: Path, files: dict[str, str], how: str) -> Path:
    match how:
        case "folder":
            return put(tmp_path / "in", files)
        case "zip":
            return zipped(tmp_path / "in.zip", files)
    return zipped(
        tmp_path / "in.zip", {f"submissions/{n}": t for n, t in files.items()} | {"__MACOSX/._x.ipynb": ""}
    )


def test_nbgraders_tree_and_flat_files(tmp_path: Path, how: str) -> None:
    found = find_submissions(place(tmp_path, TREE, how))
    assert {(s.learner, s.exercise): read(s) for s in found} == {
        ("ada", VAE): "ada",
        ("bob", GAN): "bob",
        ("cy", GAN): "cy",
    }


def test_canvas_of_numbered_uploads_the_last_one_counts(tmp_path: Path, how: str) -> None:
    found = {s.learner: s for s in find_submissions(place(tmp_path, CANVAS, how))}
    jane = found["doejane_777"]
    assert (jane.exercise, read(jane), jane.late) == (VAE, "last", True), "by Canvas's number, not by name or -N"
    assert jane.note == f"3 files were handed in for this. The last one counts: {VAE}-1.ipynb."
    gauss = found["gauß_12"]
    assert (gauss.exercise, read(gauss), gauss.late) == (GAN, "gan", False)
    assert gauss.note == f"Graded: {GAN}.ipynb. Not graded: answers.ipynb."
    assert "There is no notebook" in read(found["roe_9"])
    assert (found["anon_x1y2z"].late, read(found["anon_x1y2z"])) == (True, "anonymous")
    assert all(s.submitted == "" for s in found.values()), "Canvas's files bear the time of the download"
    assert ("a zip within a zip" in read(found["poe_5"])) == (how != "folder")
    assert read(found["poe_5"]).startswith("! ")


NAMES_IN_SCRIPTS = {  # as Canvas writes them: family name first, small letters, no spaces
    "Devanagari": "शर्माअनिल",
    "Bengali": "চট্টোপাধ্যায়সুনীল",
    "Tamil": "சுப்பிரமணியன்",
    "Arabic with vowels": "مُحَمَّدعَلِي",
    "Hebrew with points": "כֹּהֵןדָּוִד",
    "Thai": "ใจดีสมชัย",
    "Khmer": "សុខវិចិត្រ",
    "Burmese": "အောင်ဆန်း",
    "Tibetan": "བསྟནའཛིན",
    "Chinese": "王小明",
    "Hangul": "김민준",
    "Vietnamese": "nguyễnthịánh",
    "Turkish": "i\u0307ncei\u0307lker",
    "Yoruba": "adébáyọ̀",
}


@pytest.mark.situation(
    "Canvas",
    "names in any script, composed or taken apart by macOS",
    "both uploads are one learner's, the last counts, LATE is seen",
)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("name", NAMES_IN_SCRIPTS.values(), ids=NAMES_IN_SCRIPTS)
def test_canvas_names_in_every_script(tmp_path: Path, name: str, form: str, how: str) -> None:
    written = unicodedata.normalize(form, name)
    files = {
        f"{written}_101_2002_{VAE}.ipynb": "first",
        f"{written}_LATE_101_2010_{VAE}-1.ipynb": "last",
        f"{written}_101_2011_{GAN}.ipynb": "gan",
    }
    found = {s.exercise: s for s in find_submissions(place(tmp_path, files, how))}
    assert {s.learner for s in found.values()} == {f"{unicodedata.normalize('NFC', name)}_101"}
    assert (read(found[VAE]), found[VAE].late, read(found[GAN])) == ("last", True, "gan")


@pytest.mark.parametrize(
    "stem", ["my work_1_2_x", "a-b_1_2_x", "a.b_1_2_x", "x", "शर्मा अनिल_1_2_x", "a\u00a0b_1_2_x"]
)
def test_what_canvas_never_writes_is_not_canvas(stem: str) -> None:
    assert NAMES.downloaded(stem) is None


@pytest.mark.situation("Names", "one name in two spellings of Unicode, in two folders", "it is one learner")
def test_a_name_is_one_whether_its_marks_are_apart(tmp_path: Path) -> None:
    whole, apart = (unicodedata.normalize(form, "Zoë Nguyễn 김민준") for form in ("NFC", "NFD"))
    found = find_submissions(put(tmp_path, {f"{whole}/{VAE}.ipynb": "1", f"{apart}/{GAN}/x.ipynb": "2"}))
    assert {(s.learner, read(s)) for s in found} == {(whole, "1"), (whole, "2")}


def test_canvas_two_unnumbered_works_are_not_attempts_of_one(tmp_path: Path) -> None:
    folder = put(tmp_path, {"doe_1_20_answers.ipynb": "a", "doe_1_30_other.ipynb": "b"})
    (one,) = find_submissions(folder)
    assert "two notebooks whose names tell no exercise: doe_1_20_answers.ipynb and" in one.problem
    folder = put(tmp_path / "again", {"doe_1_20_answers.ipynb": "a", "doe_1_30_answers-1.ipynb": "b"})
    (one,) = find_submissions(folder)
    assert (read(one), "The last one counts: answers-1" in one.note) == ("b", True)


@pytest.mark.parametrize("stem", ["doe_555_777_888_answers", f"doe_555_777_888_{VAE}", f"x_777_888_555_666_{VAE}"])
def test_a_canvas_name_that_reads_as_another_learners_is_nobodys(stem: str) -> None:
    told = NAMES.downloaded(stem)
    assert told is not None
    assert told.learner == stem
    assert "two ways" in told.problem


def test_moodle_folders_and_flat_files(tmp_path: Path, how: str) -> None:
    found = find_submissions(place(tmp_path, MOODLE, how))
    assert {(s.learner, s.exercise): read(s) for s in found if not s.learner.startswith("Eve")} == {
        ("Jane Doe_4242", VAE): "jane",
        ("Ada Lovelace_7", ""): "ada",
        ("Bob Kant_8", GAN): "bob",
    }
    (eve,) = (s for s in found if s.learner.startswith("Eve"))
    assert "two notebooks whose names tell no exercise: a.ipynb and b.ipynb" in eve.problem


COPIES = """
{}; {}-1; {}-12; {} (1); {}(1); {}_(1); {} (1) (2); {}-Copy1; {} copy; {} copy 2; {} - Copy; {} - Copy (2); {}_copy;
Copy of {}; Copy_of_{}; copy of {}; Copy of Copy of {}; Copy (2) of {}; Copy of {} (1); {} - Kopie; {} - Kopie (3);
{} Kopie; Kopie von {}; Kopie_von_{}; Kopie van {}; {} - kopie; Copie de {}; {} - Copie; Copia de {}; {} - copia;
Copia di {}; Cópia de {}; {} - Cópia; Kopia {}; {} — kopia; Kopia av {}; Kopi af {}; Копия {}; {} — копия; {} - Копия;
{} - 副本; “{}”的副本; {}的副本; {} のコピー; {} - コピー; {}의 사본; {} - 복사본; نسخة من {}; {} - نسخة; עותק של {};
{} - עותק; {} - Kopya; Bản sao của {}; {}.ipynb; {}.ipynb copy; {}-0f8fad5b-d9cb-469f-a165-70867728950e
"""  # of Canvas, browsers, JupyterLab, Colab, Windows, macOS, Google Drive and Nautilus


@pytest.mark.situation(
    "Uploads", "`Copy of …`, `… (1)`, `… - Kopie`, `Kopie von …` and their like", "they are the same exercise"
)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("copy", [copy.strip() for copy in COPIES.split(";")])
def test_copies_keep_their_exercise(tmp_path: Path, copy: str, form: str) -> None:
    name = unicodedata.normalize(form, copy.format(VAE))
    (one,) = find_submissions(put(tmp_path, {f"ada/{name}.ipynb": "x"}))
    assert one.exercise == VAE
    (one,) = find_submissions(put(tmp_path / "canvas", {f"doejane_1_2_{name}.ipynb": "x"}))
    assert (one.learner, one.exercise) == ("doejane_1", VAE)


@pytest.mark.parametrize(
    "name", [f"my {VAE}", f"{VAE}x", f"{VAE} v2", f"copyof{VAE}", "copy", "Copy of", "(1)", "-1", f"{VAE}copy"]
)
def test_what_is_no_copy_tells_no_exercise(name: str) -> None:
    assert NAMES.exercise_of(name) == ""


@pytest.mark.parametrize("name", [f"{VAE}.ipynb.txt", f"{VAE}.ipynb.json", f"{VAE} (1).IPYNB.txt"])
def test_a_notebook_with_what_a_browser_hangs_on_is_one(tmp_path: Path, name: str) -> None:
    (one,) = find_submissions(put(tmp_path, {f"ada/{VAE}/{name}": "ada"}))
    assert (one.exercise, read(one)) == (VAE, "ada")


def test_names_of_copies_take_linear_time() -> None:
    for part in ("copy of ", "-1", " copy", " (1)", "-", " ", "a-", ".ipynb", "Kopie von "):
        NAMES.exercise_of(part * 50_000)
        NAMES.downloaded(f"a_1_2_{part * 50_000}")


def test_learners_zips_in_place_of_notebooks(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    for name, files in {
        f"ada__{VAE}.zip": {"answers.ipynb": "ada"},
        "bob.zip": {f"home/bob/{VAE}.ipynb": "bob", f"home/bob/{GAN}.ipynb": "bob's", "x.ipynb": "-"},
        f"cy/{GAN}/work.zip": {"deep/er/any.ipynb": "cy", "work.py": ""},
        "poe_5_6_work.zip": {f"{VAE}.ipynb": "poe"},
        "dee.zip": {"notes.txt": ""},
        "eve.zip": {"inner.zip": ""},
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        zipped(folder / name, files)
    (folder / "fay.zip").write_bytes(b"PK, but no zip")
    found = {(s.learner, s.exercise): read(s) for s in find_submissions(folder)}
    assert found["ada", VAE] == "ada"
    assert (found["bob", VAE], found["bob", GAN]) == ("bob", "bob's")
    assert found["cy", GAN] == "cy"
    assert found["poe_5", VAE] == "poe"
    assert found["dee", ""] == "! There is no notebook in dee.zip."
    assert found["eve", ""] == "! There is no notebook in eve.zip."
    assert found["fay", ""].startswith("! fay.zip is not a zip that can be read")


def entry(name: str, mode: int = 0, flags: int = 0) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    info.flag_bits = flags
    return info


@pytest.mark.parametrize(
    ("info", "says"),
    [
        (entry("../../etc/cron.d/x.ipynb"), "leads out of the folder"),
        (entry(f"ada/../../{VAE}.ipynb"), "leads out of the folder"),
        (entry("/etc/passwd.ipynb"), "absolute"),
        (entry("C:/x.ipynb"), "absolute"),
        (entry("//server/share/x.ipynb"), "absolute"),
        (entry("ada\x1b[2J.ipynb"), "plain text"),
        (entry("a" * 2000 + ".ipynb"), "plain text"),
        (entry("ada.ipynb", stat.S_IFLNK | 0o777), "a link or a device"),
        (entry("ada.ipynb", stat.S_IFIFO | 0o644), "a link or a device"),
        (entry("ada.ipynb", stat.S_IFCHR | 0o644), "a link or a device"),
    ],
)
@pytest.mark.parametrize("whose", ["bulk", "learner's"])
def test_such_an_entry_is_refused_and_never_read(tmp_path: Path, info: zipfile.ZipInfo, says: str, whose) -> None:
    """In an LMS's zip it is refused alone and named; a learner's own zip is refused for such a notebook."""
    path = tmp_path / "zoe.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(info, "x")
        file.writestr(f"bob__{VAE}.ipynb", "bob")
    if whose == "bulk":
        found = {s.learner: read(s) for s in find_submissions(path)}
        assert found.pop("bob") == "bob"
        told = [*found.values(), *skipped(path)]
        assert len(told) == 1
        assert says in told[0]
        with pytest.raises(SubmissionError, match="no entry"):
            zips.read_member(path, info.orig_filename)
    else:
        (one,) = find_submissions(tmp_path)
        assert says in read(one)
        assert one.learner == "zoe"
    assert [left.name for left in tmp_path.iterdir()] == ["zoe.zip"], "nothing was unpacked"


ODD = {  # what people put beside a notebook, by the name that their system gave it
    "macOS, English": "turingalan_102_2003_Screenshot 2026-10-05 at 10.23.45\u202fAM.png",
    "macOS, Czech": "novakjan_103_2004_Sn\u00edmek obrazovky 2026-10-05 v\u00a010.23.45.png",
    "macOS, French": "duboisana_104_2005_Capture d\u2019e\u0301cran 2026-10-05 a\u0300 10.23.45\u202f.png",
    "a folder's icon": "turingalan_102_2006_Icon\r",
    "WhatsApp": "khanali_105_2007_\u200e\u2068WhatsApp Image\u2069.jpeg",
    "a wide space": "satohana_106_2008_\u8ab2\u984c\u3000\uff11.pdf",
    "Persian": "rezaali_107_2009_\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645.docx",
    "a line of its own": "roemax_108_2010_a\u2028b.txt",
}


@pytest.mark.situation(
    "Canvas", "a screenshot's name with U+202F, U+00A0 or a control character", "the class is graded all the same"
)
@pytest.mark.parametrize("name", ODD.values(), ids=ODD)
@pytest.mark.parametrize("whose", ["the class's zip", "the class's folder", "a learner's zip"])
def test_an_odd_name_of_no_notebook_stops_nobody(tmp_path: Path, name: str, whose: str) -> None:
    files = {name: "?", f"lovelaceada_101_2002_{VAE}.ipynb": "ada", f"noetheremmy_109_2011_{GAN}.ipynb": "emmy"}
    if whose == "a learner's zip":
        zipped(tmp_path / "ada.zip", {name: "?", f"{VAE}.ipynb": "ada", "venv/bin/x": ""})
        assert [(s.learner, read(s)) for s in find_submissions(tmp_path)] == [("ada", "ada")]
        return
    found = find_submissions(place(tmp_path, files, "zip" if "zip" in whose else "folder"))
    assert {read(s) for s in found if s.learner in ("lovelaceada_101", "noetheremmy_109")} == {"ada", "emmy"}


@pytest.mark.situation("Uploads", "a notebook whose name has odd spaces", "it is graded")
@pytest.mark.parametrize("space", ["\u202f", "\u00a0", "\u3000", "\u2009"])
def test_a_notebook_with_an_odd_space_in_its_name_is_graded(tmp_path: Path, space: str) -> None:
    (one,) = find_submissions(zipped(tmp_path / "in.zip", {f"doejane_1_2_my{space}work.ipynb": "jane"}))
    assert (one.learner, read(one)) == ("doejane_1", "jane")


@pytest.mark.situation(
    "Uploads",
    "a zip with a link, a path that leads out, a name given twice",
    "those are refused by name, the rest is graded",
)
def test_of_a_bad_zip_the_rest_is_graded_and_the_bad_is_named(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as file:
        file.writestr(entry(f"cy__{VAE}.ipynb", stat.S_IFLNK | 0o777), "/etc/passwd")
        file.writestr(entry("python3", stat.S_IFLNK | 0o777), "/usr/bin/python3")
        file.writestr(f"../ada__{VAE}.ipynb", "out")
        file.writestr("ada\x07.png", "bell")
        file.writestr(f"bob__{VAE}.ipynb", "bob")
        file.writestr(f"dee__{VAE}.ipynb", "1")
        with pytest.warns(UserWarning, match="Duplicate name"):
            file.writestr(f"dee__{VAE}.ipynb", "2")
    found = {s.learner: read(s) for s in find_submissions(tmp_path / "in.zip")}
    assert found == {
        "bob": "bob",
        "cy": "! In the zip it is a link or a device.",
        "dee": "! In the zip its name is there twice.",
    }
    assert skipped(tmp_path / "in.zip") == [
        f"'../ada__{VAE}.ipynb': its name leads out of the folder",
        "'ada\\x07.png': its name isn't plain text of at most 1,024 characters",
    ]


@pytest.mark.situation(
    "Uploads", "a zip of macOS, whose names are UTF-8 and don't say so", "names are read as meant"
)
def test_names_in_utf8_that_do_not_say_so(tmp_path: Path) -> None:
    for learner in (
        "Ju\u0308rgen Gro\u00df",
        "\u05d3\u05d5\u05d3 \u05db\u05d4\u05df",
        "\u0938\u0941\u0928\u0940\u0924\u093e",
    ):
        raw = f"{learner}_7_assignsubmission_file/{VAE}.ipynb".encode()
        path = zipped(tmp_path / "in.zip", {"x" * len(raw): "text"})
        path.write_bytes(path.read_bytes().replace(b"x" * len(raw), raw))
        (one,) = find_submissions(path)
        assert (unicodedata.normalize("NFC", one.learner), read(one)) == (
            unicodedata.normalize("NFC", f"{learner}_7"),
            "text",
        )


def test_what_lies_too_deep_is_named(tmp_path: Path) -> None:
    place = put(
        tmp_path, {f"ada/{VAE}.ipynb": "ada", "old/2025/spring/bob/x.ipynb": "?", "old/a/b/c/notes.txt": ""}
    )
    assert [read(s) for s in find_submissions(place) if s.learner == "ada"] == ["ada"]
    assert skipped(place) == ["'old/2025/spring/bob/x.ipynb': it lies too deep for LEARNER/EXERCISE/…"]


def patched(path: Path, at_local: int, at_central: int, value: bytes) -> None:
    """Overwrite a field in the local header and in the table of contents of a zip with one entry."""
    data = bytearray(path.read_bytes())
    for start in (at_local, data.index(b"PK\x01\x02") + at_central):
        data[start : start + len(value)] = value
    path.write_bytes(data)


def test_encrypted_doubled_and_too_many(tmp_path: Path) -> None:
    patched(zipped(tmp_path / "a.zip", {"ada.ipynb": "x"}), 6, 8, b"\x01\x00")
    with pytest.raises(SubmissionError, match=r"'ada\.ipynb': it is encrypted"):
        find_submissions(tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as file:
        file.writestr("ada.ipynb", "1")
        with pytest.warns(UserWarning, match="Duplicate name"):
            file.writestr("ada.ipynb", "2")
    with pytest.raises(SubmissionError, match="its name is there twice"):
        find_submissions(tmp_path / "b.zip")
    (tmp_path / "in").mkdir()
    zipped(tmp_path / "in" / "zoe.zip", {f"{i}.txt": "" for i in range(zips.MAX_LEARNERS_ENTRIES + 1)})
    (one,) = find_submissions(tmp_path / "in")
    assert "holds 1001 entries; at most 1000 are taken" in one.problem


def test_a_table_of_contents_beyond_the_limit_is_not_even_read(tmp_path: Path) -> None:
    path = zipped(tmp_path / "zoe.zip", {f"{i:0150d}.txt": "" for i in range(4000)})
    (one,) = find_submissions(tmp_path)
    assert "table of contents is too long" in one.problem
    assert path.stat().st_size > 1 << 20


def test_bombs_are_refused_by_what_they_declare_and_by_what_they_hold(tmp_path: Path) -> None:
    name = f"ada__{VAE}.ipynb"
    bomb = zipped(tmp_path / "size.zip", {name: "0" * (MAX_BYTES + 1)})
    assert "more than 20 MB" in read(find_submissions(bomb)[0])
    tight = zipped(tmp_path / "ratio.zip", {name: "0" * 5_000_000})
    assert "more than 500 to 1" in read(find_submissions(tight)[0])
    text = "".join(f"{i * 7919 % 1000003}," for i in range(200_000))
    lies = zipped(tmp_path / "lies.zip", {name: text})
    patched(lies, 22, 24, struct.pack("<I", 100))
    assert "damaged" in read(find_submissions(lies)[0])
    with zipfile.ZipFile(tmp_path / "lzma.zip", "w", zipfile.ZIP_LZMA) as file:
        file.writestr(name, text)
    assert "a method other than deflate" in read(find_submissions(tmp_path / "lzma.zip")[0])
    broken = zipped(tmp_path / "broken.zip", {name: text})
    data = bytearray(broken.read_bytes())
    data[2000:2100] = bytes(100)
    broken.write_bytes(data)
    assert "damaged" in read(find_submissions(broken)[0])


def test_when_it_was_handed_in(tmp_path: Path) -> None:
    noon = int(datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp())
    file = put(tmp_path / "in", {f"ada__{VAE}.ipynb": "x"}) / f"ada__{VAE}.ipynb"
    os.utime(file, (noon, noon))
    assert find_submissions(tmp_path / "in")[0].submitted == "2026-03-01T12:00:00+00:00"
    for extra, submitted in (
        (struct.pack("<HHBi", 0x5455, 5, 1, noon), "2026-03-01T12:00:00+00:00"),
        (b"", ""),
        (struct.pack("<HHB", 0x5455, 1, 1), ""),
    ):
        info = entry(f"bob__{VAE}.ipynb")
        info.extra = extra
        with zipfile.ZipFile(tmp_path / "in.zip", "w") as target:
            target.writestr(info, "x")
        assert find_submissions(tmp_path / "in.zip")[0].submitted == submitted


def test_links_and_pipes_are_never_opened(tmp_path: Path) -> None:
    secret = tmp_path / "secret.ipynb"
    secret.write_text("secret")
    folder = put(tmp_path / "in", {f"ada/{VAE}.ipynb": "x", "zoe/notes.txt": ""})
    (folder / f"bob__{VAE}.ipynb").symlink_to(secret)
    (folder / "cy").symlink_to(tmp_path)
    (folder / "dee.zip").symlink_to(secret)
    os.mkfifo(folder / f"eve__{VAE}.ipynb")
    found = {s.learner: read(s) for s in find_submissions(folder)}
    assert found["ada"] == "x"
    assert set(found) == {"ada", "bob", "dee", "eve"}
    assert all("a link or a device" in found[learner] for learner in ("bob", "dee", "eve"))
    swapped = Submission("ada", VAE, folder / f"bob__{VAE}.ipynb")
    with pytest.raises(OSError):
        swapped.read()
    assert "a link or a device" in read(Submission("eve", VAE, folder / f"eve__{VAE}.ipynb"))


def test_what_is_no_place_of_submissions_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "in.tar").write_bytes(b"")
    for path in (tmp_path / "nowhere", tmp_path / "nowhere.zip", tmp_path / "in.tar"):
        with pytest.raises(FileNotFoundError, match=r"not a folder or a \.zip"):
            find_submissions(path)
    with pytest.raises(FileNotFoundError, match="no notebook in"):
        find_submissions(zipped(tmp_path / "empty.zip", {"a.txt": ""}))
    (tmp_path / "no.zip").write_bytes(b"no zip")
    with pytest.raises(SubmissionError, match="not a zip that can be read"):
        find_submissions(tmp_path / "no.zip")
