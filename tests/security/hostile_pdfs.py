"""PDF files that loop, grow or lie, each with how it must end."""

import zlib
from collections.abc import Callable, Iterator

Made = tuple[str, bytes | Callable[[], bytes], str, str]

_FONT = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
_WORDS = b"BT /F1 12 Tf 72 700 Td (Warfarin interacts with amiodarone.) Tj ET"
_PAGE = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F1 5 0 R>>>>/Contents 4 0 R>>"


def pdf(objects: dict[int, bytes], *, root: int = 1) -> bytes:
    """A file of numbered objects with a table of where they lie."""
    out = bytearray(b"%PDF-1.7\n")
    places: dict[int, int] = {}
    for number, body in objects.items():
        places[number] = len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start, last = len(out), max(objects) + 1
    out += b"xref\n0 %d\n0000000000 65535 f \n" % last
    for number in range(1, last):
        out += b"%010d 00000 %c \n" % (places.get(number, 0), b"n" if number in places else b"f")
    return bytes(out + b"trailer<</Size %d/Root %d 0 R>>\nstartxref\n%d\n%%%%EOF" % (last, root, start))


def stream(content: bytes, more: bytes = b"") -> bytes:
    return b"<</Length %d%s>>\nstream\n%s\nendstream" % (len(content), more, content)


def letter(changes: dict[int, bytes] | None = None) -> bytes:
    """One page with one sentence, some objects changed."""
    whole = {
        1: b"<</Type/Catalog/Pages 2 0 R>>",
        2: b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        3: _PAGE,
        4: stream(_WORDS),
        5: _FONT,
    }
    return pdf({**whole, **(changes or {})})


def _gigabyte(times: int) -> bytes:
    """A page whose content unpacks to a thousand megabytes of spaces."""
    packer, block = zlib.compressobj(9), b" " * 1_000_000
    packed = b"".join(packer.compress(block) for _ in range(1_000)) + packer.flush()
    return letter(
        {4: stream(zlib.compress(packed), b"/Filter[/FlateDecode/FlateDecode]")}
        if times > 1
        else {4: stream(packed, b"/Filter/FlateDecode")}
    )


def _packed(content: bytes, times: int = 1) -> bytes:
    for _ in range(times):
        content = zlib.compress(content, 9)
    return stream(content, b"/Filter[%s]" % (b"/FlateDecode" * times))


def pages(count: int) -> bytes:
    """A flat tree of `count` pages that share one content."""
    kids = b" ".join(b"%d 0 R" % number for number in range(10, 10 + count))
    many = dict.fromkeys(range(10, 10 + count), _PAGE)
    return letter({2: b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, count), **many})


def hostile_pdfs() -> Iterator[Made]:
    """Name, content, how it ends ("" where both are right) and what the sentence says."""
    yield "ten-thousand-pages.pdf", pages(10_000), "failed", "more than"
    yield from _loops()
    yield from _bombs()
    yield from _lies()


def _loops() -> Iterator[Made]:
    yield "tree-loop.pdf", letter({2: b"<</Type/Pages/Kids[2 0 R 3 0 R 2 0 R]/Count 3>>"}), "", ""
    yield "page-is-its-parent.pdf", letter({3: _PAGE.replace(b"2 0 R", b"3 0 R", 1)}), "", ""
    looped = letter().replace(b"trailer<<", b"trailer<</Prev 9 ")
    yield "table-loop.pdf", looped.replace(b"/Prev 9 ", b"/Prev %d " % looped.index(b"xref\n0")), "", ""
    yield "length-loop.pdf", letter({4: b"<</Length 4 0 R>>\nstream\n%s\nendstream" % _WORDS}), "", ""
    form = stream(
        b"/X Do /X Do " + _WORDS, b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X 6 0 R>>>>"
    )
    page = _PAGE.replace(b"<</Font", b"<</XObject<</X 6 0 R>>/Font")
    yield "form-loop.pdf", letter({3: page, 4: stream(b"/X Do " + _WORDS), 6: form}), "", ""
    outline = b"<</Title(a)/Parent 6 0 R/First 6 0 R/Next 6 0 R>>"
    yield "outline-loop.pdf", letter({1: b"<</Type/Catalog/Pages 2 0 R/Outlines 6 0 R>>", 6: outline}), "indexed", ""


def _bombs() -> Iterator[Made]:
    yield "flate.pdf", lambda: _gigabyte(1), "", ""
    yield "flate-twice.pdf", lambda: _gigabyte(2), "", ""
    words = b"(Warfarin interacts with amiodarone. ) Tj "
    yield "endless-words.pdf", lambda: letter({4: _packed(b"BT /F1 1 Tf " + words * 2_000_000 + b"ET")}), "", ""
    nest = b"[" * 1_000_000
    yield "deep-arrays.pdf", letter({6: nest, 1: b"<</Type/Catalog/Pages 2 0 R/Names 6 0 R>>"}), "", ""
    yield "deep-states.pdf", lambda: letter({4: _packed(b"q " * 5_000_000 + _WORDS)}), "", ""
    image = b"/Type/XObject/Subtype/Image/Width 60000/Height 60000/BitsPerComponent 8/ColorSpace/DeviceRGB"
    zeros = zlib.compress(bytes(50_000_000), 9)
    page = _PAGE.replace(b"<</Font", b"<</XObject<</X 6 0 R>>/Font")
    drawn = stream(b"595 0 0 842 0 0 cm /X Do")
    yield "giant-image.pdf", letter({3: page, 4: drawn, 6: stream(zeros, image + b"/Filter/FlateDecode")}), "", ""
    jbig = b"/Type/XObject/Subtype/Image/Width 65535/Height 65535/BitsPerComponent 1/ColorSpace/DeviceGray"
    head = b"\x00\x00\x00\x00\x30\x00\x01\x00\x00\x00\x13\x7f\xff\xff\xff\x7f\xff\xff\xff" + bytes(11)
    yield "jbig2.pdf", letter({3: page, 4: drawn, 6: stream(head, jbig + b"/Filter/JBIG2Decode")}), "", ""
    for ones in (b"1e9", b"99999999999999999999", b"-5"):
        size = _PAGE.replace(b"0 0 595 842", b"0 0 %s %s" % (ones, ones))
        yield f"page-of-{ones.decode()}.pdf", letter({3: size}), "", ""
        yield f"scan-of-{ones.decode()}.pdf", letter({3: size, 4: stream(b"0 0 9 9 re f")}), "", ""


def _lies() -> Iterator[Made]:
    script = b"<</S/JavaScript/JS(app.alert\\(1\\))>>"
    launch = b"<</Type/Catalog/Pages 2 0 R/OpenAction<</S/Launch/F(/bin/sh)>>/AA<</O 6 0 R>>>>"
    yield "actions.pdf", letter({1: launch, 6: script}), "indexed", ""
    yield "billion-pages-said.pdf", letter({2: b"<</Type/Pages/Kids[3 0 R]/Count 1000000000>>"}), "", ""
    yield "no-pages.pdf", letter({2: b"<</Type/Pages/Kids[]/Count 0>>"}), "failed", ""
    yield "no-root.pdf", letter().replace(b"/Root 1 0 R", b"/Root 99 0 R"), "", ""
    yield "nothing-behind-the-mark.pdf", b"%PDF-1.7\n" + b"no page here " * 50, "failed", "damaged"
    yield "cut.pdf", letter()[:300], "", ""
    yield "mark-behind-a-kilobyte.pdf", b"%" + b" " * 1_000 + b"\n" + letter(), "", ""
