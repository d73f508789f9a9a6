import base64
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import browser
import numpy as np
import PIL.Image
import PIL.ImageFilter
import pytest

from upsample_cli.images.places.place import parse_file
from upsample_cli.jobs.compare.compare import compare
from upsample_cli.jobs.compare.figures_table import table
from upsample_cli.jobs.compare.html_page import page, sheet
from upsample_cli.jobs.compare.subject import Box, Options, default_methods, methods_of

METHODS = "nearest,bicubic,tconv,tconv:kernel=uniform:kernel_size=3"
CHELSEA = Path(__file__).parents[3] / "sample_images" / "chelsea.png"


def made(source: Path, methods: str, **options: object) -> bytes:
    """Return the page of one picture."""
    comparison = compare(parse_file(source), methods_of(methods), Options(threads=2, **options))
    return page([comparison], table([comparison.scores]), 1)


def data_of(html: bytes) -> dict[str, object]:
    """Return the data that a page holds."""
    match = re.search(r'<script type="application/json" id="data">(.*?)</script>', html.decode())
    assert match is not None
    return dict(json.loads(match[1]))


@pytest.fixture(scope="module")
def tab() -> Iterator[browser.Tab]:
    """Give a page of a headless browser."""
    if not browser.PROGRAM:
        pytest.skip("no Chromium is installed")
    with browser.browsing() as opened:
        yield opened


@pytest.fixture(scope="module")
def cat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the page of a picture that is its own reference, and is shown whole."""
    path = tmp_path_factory.mktemp("cat") / "page.html"
    path.write_bytes(made(CHELSEA, METHODS, shrink=True))
    return path


MIDDLE = "(() => { const box = document.getElementById('{}').getBoundingClientRect();" \
         " return [box.x + box.width / 2, box.y + box.height / 2, box.width] })()"  # fmt: skip


def middle(tab: browser.Tab, name: str) -> tuple[float, float, float]:
    """Return the middle of an element, and its width."""
    x, y, width = tab.value(MIDDLE.replace("{}", name))
    return x, y, width


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (768, True), (390, False)])
def test_the_divider_is_dragged_and_moved_by_keys(
    tab: browser.Tab, cat: Path, width: int, dark: bool
) -> None:
    """The right picture is cut where the divider stands; nothing complains, nothing is fetched."""
    tab.events.clear()
    tab.open(cat, width, dark=dark)
    x, y, _ = middle(tab, "handle")
    _, _, wide = middle(tab, "stage")
    tab.drag(x, y, x - wide / 4, y)
    assert tab.value("Number(handle.getAttribute('aria-valuenow'))") == pytest.approx(25, abs=1)
    assert tab.value("document.getElementById('over').style.clipPath").startswith("inset(0")
    tab.value("handle.focus()")
    tab.press("ArrowRight", 39)
    assert tab.value("Number(handle.getAttribute('aria-valuenow'))") == pytest.approx(27, abs=1)
    tab.press("End", 35)
    assert tab.value("handle.getAttribute('aria-valuetext')").startswith("100 % bicubic")
    assert tab.value("document.documentElement.scrollWidth <= window.innerWidth")
    assert tab.complaints() == []
    assert tab.requests() == [cat.absolute().as_uri()]


def test_wheel_and_keys_zoom_both_pictures_in_step(tab: browser.Tab, cat: Path) -> None:
    """Both pictures keep one place; what is under the pointer stays there; 0 shows all again."""
    tab.open(cat)
    width = "document.getElementById('{}').getBoundingClientRect().width"
    fitted = tab.value(width.replace("{}", "imgL"))
    x, y, _ = middle(tab, "stage")
    box = "imgL.getBoundingClientRect()"
    under = f"({x - 200} - {box}.x) / {box}.width"
    before = tab.value(under)
    tab.do("Input.dispatchMouseEvent", type="mouseWheel", x=x - 200, y=y, deltaX=0, deltaY=-500)
    tab.value("new Promise(requestAnimationFrame)")
    assert tab.value(width.replace("{}", "imgL")) > 2 * fitted
    assert tab.value(under) == pytest.approx(before, abs=0.01)
    boxes = "JSON.stringify(document.getElementById('{}').getBoundingClientRect())"
    assert tab.value(boxes.replace("{}", "imgL")) == tab.value(boxes.replace("{}", "imgR"))
    left = tab.value("imgL.getBoundingClientRect().x")
    tab.drag(x + 150, y, x + 90, y)
    assert tab.value("imgL.getBoundingClientRect().x") == pytest.approx(left - 60, abs=1)
    tab.value("stage.focus()")
    tab.press("0", 48)
    assert tab.value(width.replace("{}", "imgL")) == pytest.approx(fitted, abs=1)
    tab.press("+", 187)
    assert tab.value(width.replace("{}", "imgL")) == pytest.approx(1.5 * fitted, rel=0.01)


def test_a_tiny_picture_is_not_made_smaller_by_plus(tab: browser.Tab, tmp_path: Path) -> None:
    """Where a picture that fits is at the limit of the zoom or beyond, + changes nothing."""
    PIL.Image.new("L", (8, 8)).save(tmp_path / "tiny.png")
    (tmp_path / "page.html").write_bytes(made(tmp_path / "tiny.png", "nearest"))
    tab.open(tmp_path / "page.html")
    fitted = tab.value("level.textContent")
    tab.value("document.getElementById('in').click()")
    assert tab.value("level.textContent") == fitted


@pytest.mark.parametrize("size", [(1500, 16), (16, 1500)])
def test_a_long_picture_leaves_room_for_the_divider(
    tab: browser.Tab, tmp_path: Path, size: tuple[int, int]
) -> None:
    """However wide or tall a picture is, names and handle fit on the stage, which fits the page."""
    PIL.Image.new("L", size).save(tmp_path / "long.png")
    (tmp_path / "page.html").write_bytes(made(tmp_path / "long.png", "nearest,bicubic"))
    for width in (390, 1280):
        tab.open(tmp_path / "page.html", width)
        assert tab.value("stage.clientHeight") in range(90, 640)
        assert tab.value("stage.clientWidth") >= 230
        assert tab.value("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.parametrize("dark", [False, True])
def test_what_is_transparent_does_not_show_the_other_method(
    tab: browser.Tab, cat: Path, dark: bool
) -> None:
    """Behind the right picture is an opaque ground that hides the left one."""
    tab.open(cat, dark=dark)
    for name in ("stage", "over"):
        assert tab.value(f"getComputedStyle({name}).backgroundColor").startswith("rgb(")


def test_two_fingers_zoom(tab: browser.Tab, cat: Path) -> None:
    """Fingers that part enlarge the picture as they do."""
    tab.open(cat, 390, 844)
    fitted = tab.value("imgL.getBoundingClientRect().width")
    x, y, _ = middle(tab, "stage")
    for kind, apart in (("touchStart", 40), ("touchMove", 60), ("touchMove", 80), ("touchEnd", 0)):
        points = [{"x": x + side * apart, "y": y, "id": i} for i, side in enumerate((-1, 1))]
        tab.do("Input.dispatchTouchEvent", type=kind, touchPoints=points if apart else [])
    assert tab.value("imgL.getBoundingClientRect().width") == pytest.approx(2 * fitted, rel=0.1)


def test_any_two_methods_are_chosen_from_lists(tab: browser.Tab, cat: Path) -> None:
    """The lists, and the crops, change the picture of their side, its name and its label."""
    tab.open(cat)
    for side, image, tag in (("left", "imgL", "tagL"), ("right", "imgR", "tagR")):
        options = tab.value(f"[...document.getElementById('{side}').options].map(o => o.text)")
        assert options == ["nearest", "bicubic", "tconv learned", "tconv uniform 3", "original"]
        for number, name in enumerate(options):
            tab.value(f"{{ const list = document.getElementById('{side}'); list.value = {number};"
                      " list.dispatchEvent(new Event('change')) }")  # fmt: skip
            assert tab.value(f"{tag}.textContent") == name
            assert tab.value(f"{image}.src === data.views[0].urls[{number}]")
            assert tab.value(f"{image}.decode().then(() => {image}.naturalWidth)") == 450
    tab.value("document.querySelectorAll('#strip button')[1].click()")
    assert tab.value("tagR.textContent") == "bicubic"
    assert tab.value("[...document.querySelectorAll('#strip button')].map(b => b.ariaPressed)") == [
        "false", "true", "false", "false", "false"
    ]  # fmt: skip
    assert "bicubic on the right" in tab.value("stage.getAttribute('aria-label')")


@pytest.mark.parametrize(
    ("methods", "left", "right"),
    [
        ("nearest,bicubic,lanczos", "bicubic", "nearest"),
        ("tconv,nearest", "nearest", "tconv learned"),
        ("nearest,lanczos,tconv,bicubic", "bicubic", "tconv learned"),
        ("nearest,lanczos", "nearest", "lanczos"),
        ("tconv", "tconv learned", "tconv learned"),
    ],
)
def test_a_page_opens_with_two_methods(
    tab: browser.Tab, tmp_path: Path, methods: str, left: str, right: str
) -> None:
    """Bicubic and the learned kernel if they are there, else the first of the others."""
    PIL.Image.new("L", (20, 20)).save(tmp_path / "small.png")
    (tmp_path / "page.html").write_bytes(made(tmp_path / "small.png", methods))
    tab.open(tmp_path / "page.html")
    assert tab.value("[tagL.textContent, tagR.textContent]") == [left, right]


RULES = """(() => {
  const faults = [], seen = new Set();
  const light = colour => { const part = colour.match(/[\\d.]+/g).slice(0, 3).map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * part[0] + 0.7152 * part[1] + 0.0722 * part[2] };
  const paper = element => { for (; element; element = element.parentElement) {
    const colour = getComputedStyle(element).backgroundColor;
    if (!/, 0(\\.\\d+)?\\)$|transparent/.test(colour)) return colour }
    return 'rgb(255, 255, 255)' };
  for (const element of document.querySelectorAll('body *')) {
    const text = [...element.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (element.id && seen.has(element.id)) faults.push('twice ' + element.id);
    seen.add(element.id);
    if (element.tagName === 'IMG' && !element.hasAttribute('alt')) faults.push('no alt');
    if (!text || !element.offsetParent || element.closest('[aria-hidden],script')) continue;
    const [a, b] = [light(getComputedStyle(element).color), light(paper(element))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) faults.push(element.tagName + ' ' + element.textContent + ' ' + contrast);
  }
  return faults })()"""


@pytest.mark.parametrize("dark", [False, True])
def test_the_page_is_for_everybody(tab: browser.Tab, cat: Path, dark: bool) -> None:
    """All that works has a role and a name, all text a contrast of 4.5 or more, in any light."""
    tab.open(cat, dark=dark)
    assert tab.value(RULES) == []
    nodes = tab.do("Accessibility.getFullAXTree")["nodes"]
    roles = [(one["role"]["value"], one.get("name", {}).get("value"), one["ignored"])
             for one in nodes if one.get("role")]  # fmt: skip
    for role in ("slider", "combobox", "button", "table", "region", "heading", "image"):
        names = [name for kind, name, ignored in roles if kind == role and not ignored]
        assert names, role
        assert all(names) or role == "table", (role, names)
    assert len([one for one in roles if one[0] == "combobox"]) == 3


def test_a_picture_that_a_page_does_not_hold_is_shown_in_parts(tmp_path: Path) -> None:
    """A page has less than 8 MB, even of noise, of which it cannot hold the whole picture."""
    rng = np.random.default_rng(0)
    methods = f"{METHODS},bilinear,lanczos,resize-conv,tconv:kernel=learned-soft"
    for is_smooth, size in ((False, (900, 1100)), (True, (450, 550))):
        picture = PIL.Image.fromarray(rng.integers(0, 256, (*size, 3), np.uint8))
        (picture.filter(PIL.ImageFilter.BoxBlur(3)) if is_smooth else picture).save(
            tmp_path / "noise.png"
        )
        html = made(tmp_path / "noise.png", methods)
        assert len(html) < 8e6
        names = [one["name"] for one in data_of(html)["views"]]
        assert names[0] == "Where they differ most, 1"
        assert not is_smooth or names[-1] == "Whole picture, reduced to 50 %"


def test_methods_differ_in_the_middle_of_the_first_place(tmp_path: Path) -> None:
    """The list of methods shows the middle of a place, so it is not a flat area between others."""
    levels, rng = np.full((300, 1000), 128, np.uint8), np.random.default_rng(0)
    for left, right in ((0, 60), (300, 360), (800, 900)):
        levels[:, left:right] = rng.integers(0, 256, (300, right - left))
    PIL.Image.fromarray(levels).save(tmp_path / "in.png")
    url = data_of(made(tmp_path / "in.png", METHODS))["views"][0]["urls"][0]
    with PIL.Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as part:
        box = np.asarray(part.convert("L"))
    assert box[:, 3 * box.shape[1] // 8 : 5 * box.shape[1] // 8].std() > 50


def test_every_place_is_readable_in_its_list(tab: browser.Tab, tmp_path: Path) -> None:
    """The list of places is as wide as its longest name, on any screen."""
    (tmp_path / "page.html").write_bytes(made(CHELSEA, "nearest,bilinear,bicubic", scale=4))
    for width in (1280, 768, 390):
        tab.open(tmp_path / "page.html", width)
        _, _, given = middle(tab, "view")
        tab.value("$('view').style.cssText = 'position: absolute; width: max-content'")
        assert middle(tab, "view")[2] <= given, width


@pytest.mark.parametrize("is_clipped", [False, True])
def test_the_page_says_what_hatches_mean(
    tab: browser.Tab, tmp_path: Path, is_clipped: bool
) -> None:
    """Heat maps are hatched where the checkerboard is unknown, which the page says only then."""
    levels = np.random.default_rng(0).integers(20, 230, (40, 60)).repeat(4, 0).repeat(4, 1)
    levels[:, 120:] = levels[:, 120:] if not is_clipped else 255 * (levels[:, 120:] > 40)
    PIL.Image.fromarray(levels.astype(np.uint8)).save(tmp_path / "in.png")
    (tmp_path / "page.html").write_bytes(made(tmp_path / "in.png", "nearest,bicubic"))
    tab.open(tmp_path / "page.html")
    words = "Checkerboard: 0 to 1 levels; hatched: unknown, as where pixels are clipped."
    assert (words in tab.value("scales.textContent")) == is_clipped
    assert ("hatched" in tab.value("scales.textContent")) == is_clipped


def test_a_crop_is_shown_pixel_by_pixel(tmp_path: Path) -> None:
    """The first picture of nearest is the picture itself, each pixel four times."""
    html = made(CHELSEA, METHODS, crop=Box(100, 50, 40, 30))
    (view,) = [one for one in data_of(html)["views"] if one["name"] == "The crop"]
    stored = PIL.Image.open(io.BytesIO(base64.b64decode(view["urls"][0].split(",")[1])))
    expected = np.asarray(PIL.Image.open(CHELSEA).convert("RGB"))[50:80, 100:140]
    np.testing.assert_array_equal(np.asarray(stored), expected.repeat(2, 0).repeat(2, 1))


def test_a_whole_picture_beside_a_crop_is_named_by_what_is_lost(tmp_path: Path) -> None:
    """One that is not reduced is only compressed."""
    picture = PIL.Image.open(CHELSEA)
    for side, how in ((64, "compressed"), (960, "reduced to 50 %")):
        picture.resize((side, 16)).save(tmp_path / "in.png")
        views = data_of(made(tmp_path / "in.png", "nearest", crop=Box(0, 0, 8, 8)))["views"]
        assert [one["name"] for one in views] == ["The crop", f"Whole picture, {how}"]


@pytest.mark.parametrize(("mode", "space"), [("RGB", b"RGB "), ("L", b"GRAY")])
def test_pages_and_sheets_have_the_profile_of_colours(
    tmp_path: Path, mode: str, space: bytes
) -> None:
    """Samples are not converted, so their profile stays; one of grey does not fit RGB."""
    profile = bytes(16) + space + bytes(108)
    PIL.Image.new(mode, (20, 20)).save(tmp_path / "in.png", icc_profile=profile)
    named = methods_of("nearest")
    comparison = compare(parse_file(tmp_path / "in.png"), named, Options())
    (view,) = data_of(page([comparison], table([comparison.scores]), 1))["views"]
    shown = base64.b64decode(view["urls"][0].split(",")[1]), sheet(comparison)
    for data in shown:
        stored = PIL.Image.open(io.BytesIO(data)).info.get("icc_profile")
        assert stored == (profile if mode == "RGB" else None)


@pytest.mark.parametrize("name", ["<!--<script>.png", "&quot;@@data$x<b>.png", "tab\t\"quote'.png"])
def test_a_name_is_only_text(tab: browser.Tab, tmp_path: Path, name: str) -> None:
    """No name of a file becomes a part of the page."""
    PIL.Image.new("RGB", (40, 40), "grey").save(tmp_path / "plain.png")
    source = tmp_path / name
    (tmp_path / "plain.png").rename(source)
    (tmp_path / "page.html").write_bytes(made(source, "nearest"))
    tab.events.clear()
    tab.open(tmp_path / "page.html")
    assert tab.value("title.textContent") == f"{name}, enlarged x2"
    assert tab.value("document.title") == " ".join(f"{name}, enlarged x2".split())
    assert tab.complaints() == []


def test_a_long_picture_is_shown_in_parts(tmp_path: Path) -> None:
    """A picture that is longer than a WebP can be is none of those that are shown whole."""
    PIL.Image.new("L", (9000, 2)).save(tmp_path / "long.png")
    views = data_of(made(tmp_path / "long.png", "nearest"))["views"]
    assert views[0]["name"] == "Where they differ most, 1"
    assert views[0]["size"][1] == 4


def test_a_name_may_be_no_text(tmp_path: Path) -> None:
    """A file whose name is no UTF-8 has a page that is."""
    source = tmp_path / "caf\udce9.png"
    try:
        PIL.Image.new("L", (4, 4)).save(source)
    except OSError:
        pytest.skip("no such name can be here")
    assert "<title>caf?.png, enlarged x2</title>" in made(source, "nearest").decode()


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (200, 5), (17, 16)])
@pytest.mark.parametrize("mode", ["1", "P", "L", "LA", "RGBA", "I;16"])
def test_any_picture_has_a_page(tmp_path: Path, size: tuple[int, int], mode: str) -> None:
    """Pictures of any size and kind are shown, and what cannot be told of them is left out."""
    PIL.Image.new(mode, size, 3 if mode == "I;16" else None or 0).save(tmp_path / "small.png")
    html = made(tmp_path / "small.png", METHODS)
    assert data_of(html)["views"][0]["size"] == [2 * size[0], 2 * size[1]]


def test_the_default_methods_are_on_a_page(tmp_path: Path) -> None:
    """Eight methods, each with its figures, and a kernel unless it is no linear one."""
    PIL.Image.open(CHELSEA).crop((0, 0, 64, 64)).save(tmp_path / "small.png")
    named = default_methods(2)
    comparison = compare(parse_file(tmp_path / "small.png"), named, Options(shrink=True))
    data = data_of(page([comparison], table([comparison.scores]), 1))
    assert data["names"] == [one.label for one in named] + ["original"]
    assert [card["kernel"] is None for card in data["cards"]] == [False] * 7 + [True]
    assert all(card["error"] and card["spectrum"] and card["heat"] for card in data["cards"])
