/// A picture of dots, two across and four down in each character.
struct BrailleCanvas {
  /// What a dot belongs to. A character shows the color of the strongest of its dots.
  enum Ink: UInt8 {
    case none, interval, history, forecast

    /// The text in the ink's ANSI color.
    func paint(_ text: String) -> String {
      switch self {
      case .none: text
      case .interval: "\u{1B}[36;2m\(text)\u{1B}[0m"
      case .history: "\u{1B}[34m\(text)\u{1B}[0m"
      case .forecast: "\u{1B}[36;1m\(text)\u{1B}[0m"
      }
    }
  }

  /// Dots across and down.
  var width: Int { columns * 2 }
  var height: Int { rows * 4 }

  private let columns: Int
  private let rows: Int
  private var dots: [UInt8]
  private var inks: [Ink]

  init(columns: Int, rows: Int) {
    self.columns = columns
    self.rows = rows
    dots = Array(repeating: 0, count: columns * rows)
    inks = Array(repeating: .none, count: columns * rows)
  }

  /// Draws a dot; (0, 0) is the upper left one.
  mutating func dot(x: Int, y: Int, ink: Ink) {
    let cell = y / 4 * columns + x / 2
    // A line wipes the stipple from the characters it crosses, or it could not be told from it without color.
    if ink != .interval, inks[cell] == .interval { dots[cell] = 0 }
    if ink == .interval, inks[cell].rawValue > ink.rawValue { return }
    dots[cell] |= Self.bits[y % 4][x % 2]
    if ink.rawValue > inks[cell].rawValue { inks[cell] = ink }
  }

  /// Draws a straight line, ends included.
  mutating func line(from start: (x: Int, y: Int), to end: (x: Int, y: Int), ink: Ink) {
    let length = max(abs(end.x - start.x), abs(end.y - start.y))
    for step in 0...length {
      // Rounded to the nearest dot.
      let x = start.x + ((end.x - start.x) * step * 2 + length).flooredQuotient(by: max(2 * length, 1))
      let y = start.y + ((end.y - start.y) * step * 2 + length).flooredQuotient(by: max(2 * length, 1))
      dot(x: x, y: y, ink: ink)
    }
  }

  /// Fills part of a column with every other dot, like a chess board.
  mutating func stipple(column: Int, from top: Int, to bottom: Int) {
    for y in top...max(top, bottom) where (column + y).isMultiple(of: 2) { dot(x: column, y: y, ink: .interval) }
  }

  /// One row of characters.
  func text(row: Int, usesColor: Bool) -> String {
    var text = ""
    var run = ""
    var ink = Ink.none
    for cell in row * columns..<(row + 1) * columns {
      if inks[cell] != ink {
        text += usesColor ? ink.paint(run) : run
        (run, ink) = ("", inks[cell])
      }
      run.unicodeScalars.append(dots[cell] == 0 ? " " : UnicodeScalar(0x2800 + UInt32(dots[cell]))!)
    }
    if ink != .none { text += usesColor ? ink.paint(run) : run }
    return text
  }

  /// The bit of each dot, by row and column: Unicode numbers the dots down the columns, the fourth row last.
  private static let bits: [[UInt8]] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]]
}
