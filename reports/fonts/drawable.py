"""Which letters a report can be drawn with: those of its own fonts, and of what fonts the machine has.

A letter without a font would be a gap in a name, and nobody would know whose report it is.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
import unicodedata
from importlib.resources import files

from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

OWN_FONTS = ("ClinicnetSans-Regular.ttf", "DejaVuSans-scripts.ttf")
MORE_FONTS = "apt-get install fonts-noto-core fonts-noto-cjk fonts-noto-color-emoji"
"""What draws the scripts of the world, on Debian and Ubuntu."""

_INVISIBLE = ("Cc", "Cf", "Zs", "Zl", "Zp")
"""General categories that take no ink: controls, formats and separators."""
_VARIATION_SELECTORS = {*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)}


def undrawable(text: str) -> str:
    """The letters of a text that no font here can draw, each once, in their order."""
    return "".join(dict.fromkeys(letter for letter in text if not _is_drawn(letter)))


def code_points(letters: str) -> str:
    """Letters as people look them up: "U+1F3E5, U+C11C"."""
    return ", ".join(f"U+{ord(letter):04X}" for letter in letters)


@functools.cache
def _is_drawn(letter: str) -> bool:
    if unicodedata.category(letter) in _INVISIBLE or ord(letter) in _VARIATION_SELECTORS:
        return True
    return ord(letter) in _own_letters() or _some_font_has(ord(letter))


@functools.cache
def _own_letters() -> frozenset[int]:
    found: set[int] = set()
    for name in OWN_FONTS:
        with (files("reports") / "fonts" / name).open("rb") as file:
            found.update(TTFont(file, lazy=True).getBestCmap())
    return frozenset(found)


def _some_font_has(code: int) -> bool:
    """Whether fontconfig, which Pango draws by, knows a font with this character."""
    library = _fontconfig()
    if library is None:  # then no report can be drawn at all, which is said elsewhere
        return True
    characters = library.FcCharSetCreate()
    pattern = library.FcPatternCreate()
    wanted = library.FcObjectSetCreate()
    library.FcCharSetAddChar(characters, code)
    library.FcPatternAddCharSet(pattern, b"charset", characters)
    library.FcObjectSetAdd(wanted, b"family")
    fonts = library.FcFontList(None, pattern, wanted)
    found = bool(fonts) and ctypes.cast(fonts, ctypes.POINTER(ctypes.c_int)).contents.value > 0
    for destroy, each in (
        (library.FcFontSetDestroy, fonts),
        (library.FcObjectSetDestroy, wanted),
        (library.FcPatternDestroy, pattern),
        (library.FcCharSetDestroy, characters),
    ):
        destroy(each)
    return found


@functools.cache
def _fontconfig() -> ctypes.CDLL | None:
    name = ctypes.util.find_library("fontconfig")
    if name is None:
        return None
    library = ctypes.CDLL(name)
    pointer, text = ctypes.c_void_p, ctypes.c_char_p
    for function, returned, taken in (
        ("FcCharSetCreate", pointer, ()),
        ("FcCharSetAddChar", ctypes.c_int, (pointer, ctypes.c_uint32)),
        ("FcCharSetDestroy", None, (pointer,)),
        ("FcPatternCreate", pointer, ()),
        ("FcPatternAddCharSet", ctypes.c_int, (pointer, text, pointer)),
        ("FcPatternDestroy", None, (pointer,)),
        ("FcObjectSetCreate", pointer, ()),
        ("FcObjectSetAdd", ctypes.c_int, (pointer, text)),
        ("FcObjectSetDestroy", None, (pointer,)),
        ("FcFontList", pointer, (pointer, pointer, pointer)),
        ("FcFontSetDestroy", None, (pointer,)),
    ):
        declared = getattr(library, function)
        declared.restype, declared.argtypes = returned, list(taken)
    return library
