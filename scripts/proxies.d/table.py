"""Prints a concern's table."""


def markdown(concern, kinds, cells):
    """With a column for each proxy; `cells` by (row, kind's name)."""
    names = [f"{kind.name} {kind.version()}" for kind in kinds]
    lines = ["| | " + " | ".join(names) + " |", "| --- " * (len(names) + 1) + "|"]
    for row in concern.rows:
        found = [cells[row, kind.name] for kind in kinds]
        texts = [cell.text.replace("|", "\\|") if cell.holds else f"✗ {cell.text}" for cell in found]
        lines.append(f"| {row.label} | " + " | ".join(texts) + " |")
    return f"### {concern.title}\n\n" + "\n".join(lines) + "\n"
