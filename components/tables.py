"""Small tables with words and badges; long ones are data frames."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st


def key_values(rows: Sequence[tuple[str, str]], *, alt: str) -> None:
    """Gray names left, values right; values are Markdown, so put texts of people and files through `plain`."""
    st.table(
        pd.DataFrame({"name": [f":gray[{name}]" for name, _ in rows], "value": [value for _, value in rows]}),
        border="horizontal",
        hide_index=True,
        hide_header=True,
        alt=alt,
    )


def small_table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, alt: str) -> None:
    """Up to 15 rows of Markdown cells under a header."""
    frame = pd.DataFrame({name: [row[index] for row in rows] for index, name in enumerate(columns)}, dtype="object")
    st.table(frame, border="horizontal", hide_index=True, alt=alt)
