"""Whether two simulators are the same to the last bit, read from their files without loading torch."""

import hashlib
import re
import zipfile

from ups_framework.errors import RunError
from ups_framework.runs.folder import RunFolder

_TENSOR = re.compile(r"[^/]+/data/(?P<number>\d+)")
"""`torch.save` writes a zip file with the bytes of each tensor under its number in the order of saving."""


def weights_digest(folder: RunFolder) -> str:
    """The same for simulators whose tensors are the same to the last bit, and for no others.

    Settings of the simulator, which its file holds too, do not count. RunError if the file is missing or damaged.
    """
    digest = hashlib.sha256()
    try:
        with zipfile.ZipFile(folder.simulator) as file:
            found = ((match, item) for item in file.infolist() if (match := _TENSOR.fullmatch(item.filename)))
            tensors = sorted((int(match["number"]), item.file_size, item) for match, item in found)
            for number, size, item in tensors:
                digest.update(f"{number} {size} ".encode())
                digest.update(file.read(item))
    except OSError as error:
        raise RunError(f"{folder.simulator}: cannot be read ({error.strerror})") from error
    except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        raise RunError(f"{folder.simulator}: is damaged, or no file that ups wrote ({error})") from error
    return digest.hexdigest()
