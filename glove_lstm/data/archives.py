"""Zip archives, of which nothing is ever unpacked: members are read as they come."""

import zipfile
from pathlib import Path, PurePosixPath

from glove_lstm.data.errors import DataError


def zip_members(path: Path, max_bytes: int) -> list[str]:
    """Return the names of an archive's members, having looked at all of them.

    Args:
        path: The archive.
        max_bytes: Refuse a member that is larger, in bytes. `zipfile` gives no more than the size it declares.

    Raises:
        DataError: If it is no whole archive, has a member that is too large, or one that would climb out of the
            folder it is unpacked in: nobody makes such a thing by mistake.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except zipfile.BadZipFile as error:
        raise DataError(
            f"{path} is not a whole zip archive ({error}); delete it and get it again."
        ) from error
    for member in members:
        name = PurePosixPath(member.filename.replace("\\", "/"))
        if name.is_absolute() or ".." in name.parts or ":" in "".join(name.parts[:1]):
            raise DataError(
                f"{path} has the member {member.filename!r}, which climbs out of its folder; do not trust it."
            )
        if member.file_size > max_bytes:
            raise DataError(
                f"{path} holds {member.filename!r} of {member.file_size:,} bytes; the limit is {max_bytes:,}."
            )
    return [member.filename for member in members]
