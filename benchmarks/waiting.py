"""Waiting while the window lives: an event loop of its own, which lets go of the interpreter (QTest.qWait holds it and starves threads)."""

from PySide6.QtCore import QEventLoop, QTimer


def wait(ms: int) -> None:
    """Let the window and all threads run for so long."""
    loop = QEventLoop()
    QTimer.singleShot(ms, loop.quit)
    loop.exec()
