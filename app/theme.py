"""How it looks: one palette, one style sheet, the colours of stems. Calm and dark; colour is kept for stems and warnings."""

from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication

# greys from back to front: each step is told apart on a poor screen, text reaches 7:1 on every one of them
WINDOW, PANEL, RAISED, LINE = "#15171a", "#1c1f23", "#262a30", "#343a42"
TEXT, DIM, FAINT = "#e6e8eb", "#9aa3ad", "#6b747e"
ACCENT, WARN, CLIP, GOOD = "#6ea8fe", "#e0b44c", "#f0604d", "#58c08b"

# told apart with any kind of colour vision, after Okabe and Ito; lightened for the dark ground
STEM_COLOURS = {"vocals": "#e8a33d", "drums": "#4fb3e8", "bass": "#d678b0", "other": "#3fbf93",
                "harmonic": "#3fbf93", "percussive": "#4fb3e8"}  # fmt: skip
MORE_COLOURS = ("#e8a33d", "#4fb3e8", "#3fbf93", "#d678b0", "#d9d05a", "#e07b53", "#8f9cf0", "#a8b3bd")

FONT_PX = 12  # at 100 %; Qt scales it


def stem_colour(name: str, index: int) -> str:
    """The default colour of a stem, #rrggbb: by its name, else by its place."""
    return STEM_COLOURS.get(name, MORE_COLOURS[index % len(MORE_COLOURS)])


def palette() -> QPalette:
    """The dark palette for the Fusion style."""
    p = QPalette()
    roles = {
        QPalette.ColorRole.Window: WINDOW, QPalette.ColorRole.Base: PANEL, QPalette.ColorRole.AlternateBase: RAISED,
        QPalette.ColorRole.Button: RAISED, QPalette.ColorRole.WindowText: TEXT, QPalette.ColorRole.Text: TEXT,
        QPalette.ColorRole.ButtonText: TEXT, QPalette.ColorRole.ToolTipBase: RAISED, QPalette.ColorRole.ToolTipText: TEXT,
        QPalette.ColorRole.Highlight: ACCENT, QPalette.ColorRole.HighlightedText: WINDOW, QPalette.ColorRole.PlaceholderText: FAINT,
        QPalette.ColorRole.Link: ACCENT,
    }  # fmt: skip
    for role, colour in roles.items():
        p.setColor(role, QColor(colour))
    for role in (QPalette.ColorRole.WindowText, QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText):
        p.setColor(QPalette.ColorGroup.Disabled, role, QColor(FAINT))
    return p


STYLE = f"""
* {{ font-size: {FONT_PX}px; }}
QToolTip {{ background: {RAISED}; color: {TEXT}; border: 1px solid {LINE}; padding: 3px; }}
QPushButton, QToolButton {{ background: {RAISED}; border: 1px solid {LINE}; border-radius: 3px; padding: 3px 8px; }}
QPushButton:hover, QToolButton:hover {{ border-color: {FAINT}; }}
QPushButton:pressed, QToolButton:pressed, QToolButton:checked, QPushButton:checked {{ background: {LINE}; border-color: {DIM}; }}
QPushButton:focus, QToolButton:focus, QLineEdit:focus, QComboBox:focus, QDoubleSpinBox:focus, QSpinBox:focus {{ border-color: {ACCENT}; }}
QPushButton:default {{ border-color: {ACCENT}; }}
QLineEdit, QDoubleSpinBox, QSpinBox, QComboBox {{ background: {PANEL}; border: 1px solid {LINE}; border-radius: 3px; padding: 2px 4px; }}
QMenuBar, QMenu, QStatusBar, QToolBar {{ background: {WINDOW}; color: {TEXT}; border: 0; }}
QMenu {{ border: 1px solid {LINE}; }}
QMenu::item:selected, QMenuBar::item:selected {{ background: {LINE}; }}
QMenu::item:disabled {{ color: {FAINT}; }}
QMenu::separator {{ height: 1px; background: {LINE}; margin: 3px 6px; }}
QDockWidget::title {{ background: {PANEL}; padding: 4px 8px; color: {DIM}; }}
QStatusBar::item {{ border: 0; }}
QProgressBar {{ background: {PANEL}; border: 1px solid {LINE}; border-radius: 3px; text-align: center; }}
QProgressBar::chunk {{ background: {ACCENT}; }}
QScrollBar {{ background: {PANEL}; }}
"""


def apply(application: QApplication) -> None:
    """Dress the application: Fusion style, palette, style sheet."""
    application.setStyle("Fusion")
    application.setPalette(palette())
    application.setStyleSheet(STYLE)
