import RefrainData
import RefrainFoundation

/// Sets text in columns and paragraphs, two columns in from the edge.
struct Page {
  /// Columns of the page.
  let width: Int
  let usesColor: Bool

  private let margin = "  "

  func strong(_ text: String) -> String { usesColor ? "\u{1B}[1m\(text)\u{1B}[0m" : text }
  func faint(_ text: String) -> String { usesColor ? "\u{1B}[2m\(text)\u{1B}[0m" : text }

  /// A label, and beside it a text on as many lines as it needs.
  func entry(_ label: String, _ text: String, labelWidth: Int) -> [String] {
    let lines = wrapped(text, width: width - margin.count - labelWidth)
    return lines.enumerated().map { index, line in
      let label = (index == 0 ? label : "").padded(to: labelWidth)
      return margin + faint(label) + line
    }
  }

  /// A paragraph with a blank line before it.
  func paragraph(_ text: String) -> [String] {
    [""] + wrapped(text, width: width - margin.count).map { margin + $0 }
  }

  /// Rows of cells below each other; the first row is a header, the first column is set to the left, numbers to the
  /// right.
  func grid(_ rows: [[String]]) -> [String] {
    let columns = rows.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.enumerated().map { index, row in
      let cells = zip(row, widths).enumerated().map { column, cell in
        cell.0.padded(to: cell.1, onTheLeft: column > 0)
      }
      let line = cells.joined(separator: "   ").trimmingEnd
      return margin + (index == 0 ? faint(line) : line)
    }
  }

  private func wrapped(_ text: String, width: Int) -> [String] {
    var lines: [String] = []
    for word in text.sanitized.split(separator: " ") {
      if let last = lines.last, last.count + 1 + word.count <= width {
        lines[lines.count - 1] = "\(last) \(word)"
      } else {
        lines.append(String(word))
      }
    }
    return lines
  }
}

extension String {
  fileprivate func padded(to width: Int, onTheLeft: Bool = false) -> String {
    let blanks = String(repeating: " ", count: max(0, width - count))
    return onTheLeft ? blanks + self : self + blanks
  }

  fileprivate var trimmingEnd: String { String(reversed().drop { $0 == " " }.reversed()) }
}

/// A number for people: with these decimals, or with a power of ten when it is too large for that; a dash for none.
func readable(_ value: Double, decimals: Int) -> String {
  guard value.isFinite else { return "–" }
  return abs(value) < 1e15 ? fixed(value, decimals: decimals) : written(value, .scientific, digits: 4)
}

/// A number for people, with four significant digits or all before the decimal point.
func significant(_ value: Double) -> String {
  guard value != 0, value.isFinite else { return readable(value, decimals: 0) }
  guard abs(value) >= 1e-6 else { return written(value, .scientific, digits: 3) }
  return readable(value, decimals: min(max(3 - Int(log10(abs(value)).rounded(.down)), 0), 9))
}

/// A percentage for people.
func percent(_ value: Double, decimals: Int) -> String {
  value.isFinite ? "\(fixed(value, decimals: decimals)) %" : "–"
}

/// A count with its thousands apart: `12,345`.
func counted(_ number: Int) -> String {
  var text = ""
  for (index, digit) in String(number.magnitude).reversed().enumerated() {
    if index > 0 && index.isMultiple(of: 3) { text.append(",") }
    text.append(digit)
  }
  return (number < 0 ? "-" : "") + String(text.reversed())
}
