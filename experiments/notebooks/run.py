"""Run the notebooks from top to bottom and keep their outputs.

python -m experiments.notebooks.run        runs all of them again, in place
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from jaxcnn._errors import missing_extra

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]


def notebooks() -> list[Path]:
    """All, in order."""
    return sorted(FOLDER.glob("*.ipynb"))


def execute(path: Path):
    """The notebook of a file, run in a kernel of its own; CellExecutionError where a cell fails."""
    import nbformat
    from nbclient import NotebookClient

    client = NotebookClient(
        nbformat.read(path, as_version=4),
        timeout=300,
        record_timing=False,
        coalesce_streams=True,  # what a cell prints is one output, however it arrived
        resources={"metadata": {"path": ROOT}},
    )
    kernel = client.create_kernel_manager()
    with TemporaryDirectory() as folder:
        # sockets in a folder of its own: no port that other users of the machine could listen at
        kernel.transport, kernel.ip = "ipc", str(Path(folder) / "socket")
        return client.execute()


def main() -> int:
    """0; 2 where an extra is missing."""
    try:
        import nbformat

        for path in notebooks():
            nbformat.write(execute(path), path)
            print(path.name)
    except ModuleNotFoundError as error:
        print(missing_extra("experiments.notebooks", error, "notebooks"), file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
