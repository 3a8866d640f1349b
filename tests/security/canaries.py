"""Names, record numbers and card numbers that stand nowhere else, and the search for them."""

import json
from collections.abc import Iterator

from tests.conformance.document_files import make_pdf

PERSON, SURNAME, RECORD_NUMBER, CARD_NUMBER = "Quenvaldis", "Tromerauth", "77310294", "4929773102946618"
FILE, BROKEN_FILE, WORKSPACE, QUESTION, SEARCH = "vorlathim", "brankhusel", "zelwardine", "dremphasol", "kolvantire"
USERNAME, DISPLAY_NAME, PASSWORD, NEW_USER = "ostrivane", "Pelmithra", "Galdroven-Hask-4471-fenluthe", "yarmolinde"
WRONG_PASSWORD, UNKNOWN_USER, WRONG_ID, PAGE, AGENT = "mirquastel", "jophandrix", "wexalorin", "tulbenaro", "hargosmit"
SPACED_CARD_NUMBER = "4929 7731 0294 6618"
LETTER = (
    f"Patient {PERSON} {SURNAME}, record number MRN {RECORD_NUMBER}, card {SPACED_CARD_NUMBER} ({CARD_NUMBER}).\n\n"
    f"{PERSON} {SURNAME} was diagnosed with atrial fibrillation. Warfarin interacts with amiodarone.\n"
    f"Dr {SURNAME} gave warfarin to {PERSON}.\n"
)
CANARIES = (
    *(PERSON, SURNAME, RECORD_NUMBER, CARD_NUMBER, SPACED_CARD_NUMBER),
    *(FILE, BROKEN_FILE, WORKSPACE, QUESTION, SEARCH),
    *(USERNAME, DISPLAY_NAME, PASSWORD, NEW_USER),
    *(WRONG_PASSWORD, UNKNOWN_USER, WRONG_ID, PAGE, AGENT),
)


def found_canaries(text: str | bytes) -> list[str]:
    """Which canaries stand in it, in any case, as UTF-8 or UTF-16."""
    raw = text.encode(errors="surrogatepass") if isinstance(text, str) else text
    folded = raw.lower()
    return [one for one in CANARIES if any(one.lower().encode(form) in folded for form in ("utf-8", "utf-16-le"))]


def broken_files() -> dict[str, bytes]:
    """Each named and filled with canaries, and readable by no loader."""
    filling = LETTER.encode()
    return {
        f"{BROKEN_FILE}-cut.pdf": make_pdf(LETTER)[:400] + filling,
        f"{BROKEN_FILE}.docx": b"PK\x03\x04" + filling,
        f"{BROKEN_FILE}.xlsx": b"PK\x05\x06" + filling,
        f"{BROKEN_FILE}.json": b'{"patient": "' + filling + b'", ',
        f"{BROKEN_FILE}.exe": b"MZ" + filling,
        f"{BROKEN_FILE}.txt": b"",
        f"../../{BROKEN_FILE}\x07.xml": b"<ClinicalDocument><patient>" + filling,
        f"{BROKEN_FILE}.eml": b"Subject: =?utf-8?B?" + filling,
    }


def broken_questions() -> Iterator[bytes]:
    """Bodies that no question can be read from."""
    yield json.dumps({"text": QUESTION, "mode": QUESTION}).encode()
    yield json.dumps({"text": QUESTION * 500}).encode()
    yield json.dumps({"question": QUESTION, PERSON: QUESTION}).encode()
    yield json.dumps({"text": f"\ud800 {QUESTION} {PERSON}"}).encode()
    yield f'{{"text": "{QUESTION}", {PERSON}'.encode()
    yield json.dumps([QUESTION, {PERSON: [QUESTION]}]).encode()
