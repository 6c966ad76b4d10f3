"""How it looks: one palette, one style sheet, the colours of stems. Calm and dark; colour is kept for stems and warnings."""

from PySide6.QtGui import QColor, QFont, QPalette
from PySide6.QtWidgets import QApplication

# greys from back to front: each step is told apart on a poor screen; TEXT reaches 11:1 on every one of them, DIM 5.5:1
WINDOW, PANEL, RAISED, LINE = "#15171a", "#1c1f23", "#262a30", "#343a42"
TEXT, DIM, FAINT = "#e6e8eb", "#9aa3ad", "#6b747e"
ACCENT, WARN, CLIP, GOOD = "#6ea8fe", "#e0b44c", "#f0604d", "#58c08b"
ON = "#24344f"  # ground of a switch that is on
CAP, CAP_HOT = "#474e58", "#59626e"  # what is dragged; under the pointer

# told apart with any kind of colour vision, after Okabe and Ito; lightened for the dark ground
STEM_COLOURS = {"vocals": "#e8a33d", "drums": "#4fb3e8", "bass": "#d678b0", "other": "#3fbf93",
                "harmonic": "#3fbf93", "percussive": "#4fb3e8"}  # fmt: skip
MORE_COLOURS = ("#d9d05a", "#8f9cf0", "#e07b53", "#a8b3bd", "#9fd06b", "#e59aa0", "#6fcfd6", "#c7a27c")  # none of those above

FONT_PX = 12  # at 100 %; Qt scales it


def stem_colour(name: str, index: int) -> str:
    """The default colour of a stem, #rrggbb: by its name, else by its place."""
    return STEM_COLOURS.get(name, MORE_COLOURS[index % len(MORE_COLOURS)])


def digits(font: QFont, pixels: int = FONT_PX) -> QFont:
    """The font in a size, with digits that are all equally wide: numbers that change do not tremble."""
    font = QFont(font)
    font.setPixelSize(pixels)
    font.setFeature(QFont.Tag("tnum"), 1)
    return font


def palette() -> QPalette:
    """The dark palette for the Fusion style."""
    p = QPalette()
    roles = {
        QPalette.ColorRole.Window: WINDOW, QPalette.ColorRole.Base: PANEL, QPalette.ColorRole.AlternateBase: RAISED,
        QPalette.ColorRole.Button: RAISED, QPalette.ColorRole.WindowText: TEXT, QPalette.ColorRole.Text: TEXT,
        QPalette.ColorRole.ButtonText: TEXT, QPalette.ColorRole.ToolTipBase: RAISED, QPalette.ColorRole.ToolTipText: TEXT,
        QPalette.ColorRole.Highlight: ACCENT, QPalette.ColorRole.HighlightedText: WINDOW, QPalette.ColorRole.PlaceholderText: DIM,
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
QPushButton:pressed, QToolButton:pressed {{ background: {LINE}; border-color: {DIM}; }}
QToolButton:checked, QPushButton:checked {{ background: {ON}; border-color: #3f5f96; }}
QPushButton:disabled, QToolButton:disabled {{ background: {PANEL}; color: {FAINT}; border-color: {RAISED}; }}
QPushButton:default {{ border-color: {ACCENT}; }}
QPushButton:focus, QToolButton:focus {{ border: 2px solid {ACCENT}; padding: 2px 7px; }}
QLineEdit:focus, QComboBox:focus, QDoubleSpinBox:focus, QSpinBox:focus {{ border: 2px solid {ACCENT}; padding: 1px 3px; }}
QToolButton[flat="true"] {{ background: transparent; border-color: transparent; padding: 2px 4px; }}
QToolButton[flat="true"]:hover {{ background: {RAISED}; }}
QToolButton[flat="true"]:focus {{ border-color: {ACCENT}; padding: 1px 3px; }}
QToolButton::menu-indicator {{ image: none; }}
QPushButton#output {{ padding: 2px; }}
QPushButton#output:focus {{ padding: 1px; }}
QPushButton[alarm="true"] {{ background: {CLIP}; border-color: {CLIP}; color: {WINDOW}; }}
QPushButton[alarm="true"]:focus {{ border-color: {TEXT}; }}
QToolButton[switch="mute"], QToolButton[switch="solo"] {{ color: {DIM}; padding: 0; font-weight: bold; }}
QToolButton[switch="mute"]:checked {{ background: {CLIP}; border-color: {CLIP}; color: {WINDOW}; }}
QToolButton[switch="solo"]:checked {{ background: {WARN}; border-color: {WARN}; color: {WINDOW}; }}
QToolButton[switch="mute"]:focus, QToolButton[switch="solo"]:focus {{ border-color: {ACCENT}; padding: 0; }}
QToolButton[switch="mute"]:checked:focus, QToolButton[switch="solo"]:checked:focus {{ border-color: {TEXT}; }}
QToolButton[switch="mute"]:disabled, QToolButton[switch="solo"]:disabled {{ color: {FAINT}; background: {PANEL}; border-color: {RAISED}; }}
QToolButton[segment] {{ border-radius: 0; margin: 0 0 0 -1px; color: {DIM}; padding: 3px 10px; }}
QToolButton[segment]:checked {{ color: {TEXT}; }}
QToolButton[segment]:focus {{ padding: 2px 9px; }}
QToolButton[segment="first"] {{ border-top-left-radius: 3px; border-bottom-left-radius: 3px; margin: 0; }}
QToolButton[segment="last"] {{ border-top-right-radius: 3px; border-bottom-right-radius: 3px; }}
QLineEdit, QDoubleSpinBox, QSpinBox, QComboBox {{ background: {WINDOW}; border: 1px solid {LINE}; border-radius: 3px; padding: 2px 4px; }}
QLineEdit:disabled {{ background: {PANEL}; color: {FAINT}; border-color: {RAISED}; }}
QLineEdit[title="true"]:read-only {{ background: transparent; border-color: transparent; }}
QLineEdit[title="true"]:read-only:hover {{ border-color: {LINE}; }}
QLineEdit[title="true"]:read-only:focus {{ border-color: {ACCENT}; }}
QMenuBar, QMenu, QStatusBar, QToolBar {{ background: {WINDOW}; color: {TEXT}; border: 0; }}
QMenu {{ border: 1px solid {LINE}; }}
QMenu::item:selected, QMenuBar::item:selected {{ background: {LINE}; }}
QMenu::item:disabled {{ color: {FAINT}; }}
QMenu::separator {{ height: 1px; background: {LINE}; margin: 3px 6px; }}
QDockWidget::title {{ background: {PANEL}; padding: 4px 8px; color: {DIM}; }}
QStatusBar::item {{ border: 0; }}
QProgressBar {{ background: {RAISED}; border: 0; border-radius: 3px; text-align: center; }}
QProgressBar::chunk {{ background: {ACCENT}; border-radius: 3px; }}
QScrollArea {{ border: 0; background: transparent; }}
QScrollBar:horizontal {{ background: {WINDOW}; height: 10px; margin: 0; }}
QScrollBar:vertical {{ background: {WINDOW}; width: 10px; margin: 0; }}
QScrollBar::handle {{ background: {LINE}; border-radius: 3px; margin: 2px; min-width: 24px; min-height: 24px; }}
QScrollBar::handle:hover {{ background: {FAINT}; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
"""


def apply(application: QApplication) -> None:
    """Dress the application: Fusion style, palette, style sheet."""
    application.setStyle("Fusion")
    application.setPalette(palette())
    application.setStyleSheet(STYLE)
