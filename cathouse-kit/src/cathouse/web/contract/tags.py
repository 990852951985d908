"""Tags, whatever they are of: kept and looked for trimmed, in lower case, and each once."""


def folded_tag(tag: str) -> str:
    """A tag as it is kept and looked for."""
    return tag.strip().lower()


def folded_tags(tags: object) -> object:
    """A list of tags as it is kept, in the order in which they came; what is none is left for pydantic to refuse."""
    if not isinstance(tags, list):
        return tags
    folded = [folded_tag(tag) if isinstance(tag, str) else tag for tag in tags]
    return list(dict.fromkeys(folded)) if all(isinstance(tag, str) for tag in folded) else folded
