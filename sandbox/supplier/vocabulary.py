"""Vocabulary of the supplier, and the frequencies of its words among simulated stones."""

from collections.abc import Sequence

SHAPES = (
    "ROUND", "OVAL", "PRINCESS", "CUSHION", "EMERALD", "PEAR", "MARQUISE", "RADIANT", "ASSCHER", "HEART",
    "CUSHION MODIFIED", "OLD MINER", "BAGUETTE", "TRILLIANT",
)  # fmt: skip
SHAPE_WEIGHTS = (52, 11, 6, 7, 7, 7, 3, 3, 1.5, 1.5, 0.5, 0.2, 0.2, 0.1)
COLORS = ("D", "E", "F", "G", "H", "I", "J", "K", "L", "M", "N", "FANCY")
COLOR_WEIGHTS = (13, 15, 15, 15, 13, 10, 7, 5, 3, 2, 2, 0)
CLARITIES = ("FL", "IF", "VVS1", "VVS2", "VS1", "VS2", "SI1", "SI2", "SI3", "I1", "I2", "I3")
CLARITY_WEIGHTS = (0.5, 6, 10, 13, 19, 19, 16, 10, 1, 4, 1, 0.5)
CUTS = ("ID", "EX", "VG", "G", "F", "P")
CUT_WEIGHTS = (4, 62, 22, 8, 3, 1)
AVAILABILITIES = (
    "AVAILABLE", "HOLD", "ON_HOLD", "SOLD", "MEMO", "NOT_AVAILABLE", "CONSIGNMENT", "ON_MEMO", "SOLD_OUT",
)  # fmt: skip
AVAILABILITY_WEIGHTS = (926, 22, 8, 16, 12, 8, 2, 3, 3)

FINISHES = ("EX", "EX", "EX", "EX", "VG", "VG", "G", "ID")
LABS = ("GIA", "GIA", "GIA", "GIA", "IGI", "IGI", "HRD", "GCAL")
LAB_GROWN_LABS = ("IGI", "IGI", "IGI", "IGI", "GIA", "GCAL", "IGI", "HRD")
LAB_GROWN_TYPES = ("CVD", "CVD", "CVD", "HPHT")
FLUORESCENCES = ("NON",) * 10 + ("FNT",) * 3 + ("MED", "STG", "VST")
FANCY_COLORS = ("YELLOW", "BROWN", "PINK", "ORANGE", "BLUE", "GREEN", "GRAY", "YELLOW")
FANCY_INTENSITIES = (
    "FAINT", "VERY LIGHT", "LIGHT", "FANCY LIGHT", "FANCY", "FANCY INTENSE", "FANCY VIVID", "FANCY DEEP",
)  # fmt: skip
OVERTONES = (None, None, None, "YELLOWISH", "BROWNISH", "ORANGY", "PINKISH", "GREENISH")
GIRDLES = ("THN", "MED", "MED", "STK", "MED to STK", "THN to MED", "STK to TSK", "MED")
GIRDLE_CONDITIONS = ("FACETED", "FACETED", "POLISHED", "BRUTED")
CULETS = ("NON", "NON", "NON", "NON", "NON", "VSM", "SML", "PTD")
FLUORESCENCE_COLORS = ("B", "BLU", "Blue", "B")
EYE_CLEAN = ("Yes", "Yes", "Yes", "100%", "Yes", "No", None, "Borderline")
MILKINESS = ("None", "None", "None", "None", "None", "None", "Light", None)
TINGES = ("None", "None", "None", "None", "None", None, "Faint", "None")
MINES = (None, None, "Botswana", "Canada", "South Africa", "Russia", "Namibia", "Argyle, Australia")
COUNTRIES = (None, None, "BOTSWANA", "CANADA", "SOUTH_AFRICA", "RUSSIA", "NAMIBIA", "OTHER")
KEY_SYMBOLS = (
    "Crystal, Feather", "Feather, Needle", "Pinpoint", "Cloud, Crystal, Needle", "Crystal", "Twinning Wisp, Feather",
    "Feather, Indented Natural", "",
)  # fmt: skip
COMMENTS = (
    "", "Additional clouds are not shown.", "Pinpoints are not shown.", "Surface graining is not shown.", "",
    "Minor details of polish are not shown.", "", "Additional pinpoints are not shown.",
)  # fmt: skip
SUPPLIERS = (
    ("Aurelia Stones", "Aurelia Stones BV"), ("Benu Diamonds", "Benu Diamonds (Pty) Ltd"),
    ("Castellan & Daughters", "Castellan & Daughters Ltd"), ("Dhanvi Gems", "Dhanvi Gems Private Limited"),
    ("Étoile du Nord", "Étoile du Nord SPRL"), ("Fjell Brilliants", "Fjell Brilliants AS"),
    ("Golconda Trading", "Golconda Trading LLP"), ("Harbour Facets", "Harbour Facets Inc."),
    ("Ivory Coast Rough", "Ivory Coast Rough SARL"), ("Jaipur Polishers", "Jaipur Polishers Private Limited"),
    ("Kimberley House", "Kimberley House (Pty) Ltd"), ("Lumen Lab", "Lumen Lab Pte Ltd"),
    ("Mumbai Roughs", "Mumbai Roughs LLP"), ("Ness Diamonds", "Ness Diamonds Ltd"),
    ("Orlov Stones", "Orlov Stones LLC"), ("Surat Sparkle", "Surat Sparkle Exports"),
)  # fmt: skip


class Words:
    """Dictionary encoding of words as one-byte numbers. It starts with known words and adds unknown words."""

    NONE = 255

    def __init__(self, known: Sequence[str]) -> None:
        self._words: list[str] = list(known)
        self._numbers = {word: number for number, word in enumerate(known)}

    def number(self, word: str | None) -> int:
        """Number of a word. A new word gets the next number; after 255 words the result is NONE."""
        if word is None:
            return self.NONE
        number = self._numbers.get(word)
        if number is None:
            number = len(self._words)
            if number >= self.NONE:
                return self.NONE
            self._words.append(word)
            self._numbers[word] = number
        return number

    def find(self, word: str) -> int | None:
        """Number of a known word. Returns None if the word is unknown."""
        return self._numbers.get(word)

    def word(self, number: int) -> str | None:
        return None if number == self.NONE else self._words[number]
