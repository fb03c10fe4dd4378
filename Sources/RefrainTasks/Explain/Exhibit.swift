import Refrain
import RefrainData

/// Something shown beside attributions: of one example, such as an attention, or of a whole file, such as its hard
/// examples.
public struct Exhibit: Sendable {
  /// A field of a table.
  public enum Cell: Sendable, Hashable, ExpressibleByStringLiteral {
    /// Words.
    case text(String)
    /// A number; NaN where there is none.
    case number(Double)

    /// Words.
    public init(stringLiteral value: String) { self = .text(value) }
  }

  /// What is shown.
  public enum Content: Sendable {
    /// Rows of as many fields as there are columns.
    case table(columns: [String], rows: [[Cell]])
    /// A text in pieces, each with a number that is at least 0: the greater, the more it is marked.
    case words([(text: String, value: Double)])
    /// Numbers in rows and columns, `[rows, columns]`.
    case grid(rows: [String], columns: [String], values: Tensor)
    /// Frames with their names.
    case frames(names: [String], Clip)
  }

  /// Its name for programs, such as `attention`.
  public var name: String
  /// Its heading for people.
  public var title: String
  /// A sentence that says what is seen; none where the heading does.
  public var note: String
  /// What is shown.
  public var content: Content

  /// Something to be shown.
  public init(_ name: String, title: String, note: String = "", _ content: Content) {
    (self.name, self.title, self.note, self.content) = (name, title, note, content)
  }

  /// Whether there is anything in it.
  public var isEmpty: Bool {
    switch content {
    case .table(_, let rows): rows.isEmpty
    case .words(let words): words.isEmpty
    case .grid(let rows, let columns, _): rows.isEmpty || columns.isEmpty
    case .frames(let names, _): names.isEmpty
    }
  }

  /// The exhibit for programs: a table as an array of objects, words as pairs, a grid as its rows, of
  /// frames the mean of each from 0 to 1.
  package var json: JSON {
    switch content {
    case .table(let columns, let rows):
      return .array(
        rows.map { row in
          .object(
            zip(columns, row).map { column, cell in
              switch cell {
              case .text(let text): (column, .text(text))
              case .number(let value): (column, .number(value))
              }
            })
        })
    case .words(let words):
      return .array(words.map { .object([("text", .text($0.text)), ("value", .number($0.value))]) })
    case .grid(let rows, let columns, let values):
      let (all, width) = (values.values, columns.count)
      return .object([
        ("rows", .array(rows.map { .text($0) })), ("columns", .array(columns.map { .text($0) })),
        (
          "values",
          .array(
            rows.indices.map { row in
              .array(all[row * width..<(row + 1) * width].map { .number(Double("\($0)") ?? .nan) })
            })
        ),
      ])
    case .frames(let names, let clip):
      return .array(
        zip(names, clip.means).map { name, mean in .object([("frame", .text(name)), ("mean", .number(mean))]) })
    }
  }
}

extension Clip {
  /// The mean of each frame, from 0 to 1, to four decimals.
  package var means: [Double] {
    (0..<count).map { number in
      let sum = frame(number).reduce(0) { $0 + Int($1) }
      return (Double(sum) / Double(255 * frameSize) * 10_000).rounded() / 10_000
    }
  }
}

/// A text cut to a length, with a sign that it was.
func excerpt(_ text: String, _ length: Int = 80) -> String {
  let line = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
  return line.count <= length ? line : line.prefix(length - 1) + "…"
}
