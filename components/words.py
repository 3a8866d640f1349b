"""The words, icons and colours of every state that people see, in one place."""

from dataclasses import dataclass
from typing import Literal

from app.domain.access import Role
from app.domain.answers import Answer, Mode, Verdict
from app.domain.audit import Outcome
from app.domain.documents import DocumentStatus, DocumentVersion
from app.domain.graph import Assertion
from app.domain.jobs import Stage

Colour = Literal["green", "blue", "orange", "red", "violet", "gray"]


@dataclass(frozen=True, slots=True)
class Word:
    """A state as it is shown everywhere: `icon` for pages, `sign` for cells of data frames."""

    text: str
    icon: str
    sign: str
    colour: Colour

    @property
    def badge(self) -> str:
        """Markdown for `st.markdown` and `st.table`."""
        return f":{self.colour}-badge[:material/{self.icon}: {self.text}]"

    @property
    def cell(self) -> str:
        """For a MultiselectColumn, which gets it as a list of one."""
        return f"{self.sign} {self.text}"


INDEXED = Word("Indexed", "check", "✓", "green")
PARTLY_INDEXED = Word("Partly indexed", "priority_high", "!", "orange")
TO_REDO = Word("To read again", "update", "!", "orange")
"""Its facts are worse than they will be."""
WAITING = Word("Waiting", "schedule", "○", "gray")
FAILED = Word("Failed", "close", "✕", "red")
REFUSED = Word("Refused", "block", "✕", "red")
STOPPED = Word("Stopped", "stop_circle", "○", "gray")
RUNNING = Word("Running", "sync", "●", "blue")
RESTRICTED = Word("Restricted", "lock", "◆", "violet")
"""Only the people on its list see it."""

DOCUMENT: dict[DocumentStatus, Word] = {
    DocumentStatus.WAITING: WAITING,
    DocumentStatus.RUNNING: RUNNING,
    DocumentStatus.INDEXED: INDEXED,
    DocumentStatus.FAILED: FAILED,
    DocumentStatus.REFUSED: REFUSED,
    DocumentStatus.STOPPED: STOPPED,
}

STAGE: dict[Stage, Word] = {
    Stage.WAITING: WAITING,
    Stage.READING: Word("Reading pages", "sync", "●", "blue"),
    Stage.CHUNKING: Word("Splitting text", "sync", "●", "blue"),
    Stage.EMBEDDING: Word("Preparing search", "sync", "●", "blue"),
    Stage.EXTRACTING: Word("Finding facts", "sync", "●", "blue"),
    Stage.STORING: Word("Saving facts", "sync", "●", "blue"),
}

STAGE_UNITS: dict[Stage, str] = {
    Stage.READING: "page",
    Stage.EMBEDDING: "passage",
    Stage.EXTRACTING: "passage",
}
"""What a stage counts; the others take a moment and count nothing."""

VERDICT: dict[Verdict, Word] = {
    Verdict.SUPPORTED: Word("Supported", "check_circle", "✓", "green"),
    Verdict.WEAK: Word("Weak support", "warning", "!", "orange"),
    Verdict.NOT_SUPPORTED: Word("Not supported", "cancel", "✕", "red"),
    Verdict.UNCHECKED: Word("Being checked", "pending", "○", "gray"),
}
NOT_IN_DOCUMENTS = Word("Not in documents", "search_off", "○", "gray")
FACTS_FOUND = Word("Facts found", "check_circle", "✓", "green")

WORKING = Word("Working", "check", "✓", "green")
SLOW = Word("Slow", "warning", "!", "orange")
NOT_WORKING = Word("Not working", "close", "✕", "red")
NOTHING_INDEXED = Word("Nothing indexed", "remove", "○", "gray")
NOT_SET_UP = Word("Not set up", "remove", "○", "gray")

OUTCOME: dict[Outcome, Word] = {
    Outcome.INTENT: Word("Begun", "hourglass_empty", "○", "gray"),
    Outcome.DONE: Word("Allowed", "check", "✓", "gray"),
    Outcome.REFUSED: REFUSED,
    Outcome.FAILED: FAILED,
}

REFUSAL: dict[str, str] = {
    "words not in the sentence": "Words that the sentence does not hold",
    "means too little of its sentence": "Says too little of what its sentence says",
    "number not in the sentence": "A number that the sentence does not hold",
    "sentence not there": "A sentence that does not exist",
    "the same thing twice": "The same thing on both sides",
    "stated otherwise": "Stated otherwise in the sentence",
    "no relation": "No words for the relation",
    "pronoun": "A pronoun nobody could resolve",
    "light noun": "A word too general to be a name",
    "too long": "A phrase too long to be a name",
}
"""Why a candidate fact was not kept, by the gate's reason."""

MEDIA_TYPE: dict[str, str] = {
    "application/pdf": "PDF",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "Word",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "PowerPoint",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "Excel",
    "text/plain": "Text",
    "text/markdown": "Markdown",
    "text/html": "HTML",
    "text/csv": "CSV",
    "message/rfc822": "E-mail",
    "application/json": "JSON",
    "application/fhir+json": "FHIR JSON",
    "application/hl7-v2": "HL7 v2",
    "application/cda+xml": "C-CDA",
    "application/epub+zip": "EPUB",
    "application/rtf": "RTF",
    "application/vnd.oasis.opendocument.text": "OpenDocument text",
    "text/org": "Org",
    "text/x-rst": "reStructuredText",
}

MODE: dict[Mode, str] = {
    Mode.AUTO: "Auto",
    Mode.GRAPH: "Graph query",
    Mode.RAG: "RAG",
    Mode.GRAPHRAG: "GraphRAG",
}

ROLE: dict[Role, str] = {
    Role.CLINICIAN: "Clinician",
    Role.ANALYST: "Analyst",
    Role.COMPLIANCE: "Compliance",
    Role.ADMINISTRATOR: "Administrator",
    Role.OPERATOR: "Operator",
}

Line = Literal["solid", "dashed", "dotted", "dash-dot", "long-dash"]


@dataclass(frozen=True, slots=True)
class Statement:
    """How a fact is stated: `prefix` before its relation, and how its line is drawn."""

    prefix: str
    word: Word
    line: Line


ASSERTION: dict[Assertion, Statement] = {
    Assertion.AFFIRMED: Statement("", Word("Stated", "check", "✓", "gray"), "solid"),
    Assertion.NEGATED: Statement("not: ", Word("Negated", "block", "✕", "red"), "dashed"),
    Assertion.POSSIBLE: Statement("possibly: ", Word("Possible", "question_mark", "?", "orange"), "dotted"),
    Assertion.FAMILY: Statement("family: ", Word("A relative", "family_restroom", "○", "violet"), "dash-dot"),
    Assertion.HISTORICAL: Statement("past: ", Word("Past", "history", "○", "blue"), "long-dash"),
    Assertion.PLANNED: Statement("planned: ", Word("Planned", "event", "○", "blue"), "dotted"),
}


def document_word(version: DocumentVersion, stage: Stage | None = None) -> Word:
    """The state of a version; `stage` names what is being done while it runs."""
    if version.status is DocumentStatus.RUNNING and stage not in {None, Stage.WAITING}:
        return STAGE[stage or Stage.WAITING]
    if version.status is DocumentStatus.INDEXED and version.coverage.quarantined:
        return PARTLY_INDEXED
    if version.status is DocumentStatus.INDEXED and version.to_redo:
        return TO_REDO
    return DOCUMENT[version.status]


def answer_word(answer: Answer) -> Word:
    """The worst of its sentences in one word."""
    if answer.refused:
        return NOT_IN_DOCUMENTS
    verdicts = {sentence.verdict for sentence in answer.sentences}
    for verdict in (Verdict.NOT_SUPPORTED, Verdict.WEAK, Verdict.UNCHECKED):
        if verdict in verdicts:
            return VERDICT[verdict]
    return VERDICT[Verdict.SUPPORTED] if verdicts else FACTS_FOUND
