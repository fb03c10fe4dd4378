import Refrain
import RefrainData

extension Exhibit {
  /// The exhibit as a part of a page.
  ///
  /// - Parameter level: Of its heading, such as 3.
  func markup(level: Int) -> String {
    let note = note.isEmpty ? "" : "<p class=\"note\">\(escapedHTML(note))</p>"
    return """
      <section aria-label="\(escapedHTML(title))">
      <h\(level)>\(escapedHTML(title))</h\(level)>
      \(note)
      \(body)
      </section>
      """
  }

  private var body: String {
    switch content {
    case .table(let columns, let rows): return Self.table(columns, rows)
    case .words(let words): return Self.words(words)
    case .grid(let rows, let columns, let values):
      return HeatMap(values: values.transposed, rows: rows, columns: columns, label: title, hasBars: false).markup
        + Self.disclosed(rows, columns, values)
    case .frames(let names, let clip): return FilmStrip(clip: clip, names: names, label: title).markup
    }
  }

  private static func table(_ columns: [String], _ rows: [[Cell]]) -> String {
    // A heading stands above its words or its numbers.
    let head = columns.enumerated().map { place, name in
      let isText = if case .text? = rows.first?.dropFirst(place).first { true } else { false }
      return "<th scope=\"col\"\(isText ? " class=\"text\"" : "")>\(escapedHTML(name))</th>"
    }.joined()
    let lines = rows.map { row in
      let cells = row.map { cell in
        switch cell {
        case .text(let text): "<td class=\"text\">\(escapedHTML(text))</td>"
        case .number(let value): "<td>\(HTMLPage.short(value))</td>"
        }
      }
      return "<tr>\(cells.joined())</tr>"
    }
    return """
      <div class="wide" tabindex="0" role="region" aria-label="Table"><table><thead><tr>\(head)</tr></thead>
      <tbody>\(lines.joined())</tbody></table></div>
      """
  }

  private static func words(_ words: [(text: String, value: Double)]) -> String {
    let most = words.reduce(0) { max($0, $1.value) }
    let spans = words.map { word -> String in
      let alpha = most > 0 ? (word.value / most * 80).rounded() / 100 : 0
      let ground = alpha >= 0.04 ? " style=\"background:rgb(var(--plus) / \(alpha))\"" : ""
      return "<span\(ground) title=\"\(HTMLPage.short(word.value))\">\(escapedHTML(word.text))</span>"
    }
    return "<p class=\"words\" tabindex=\"0\" role=\"group\" aria-label=\"Words, colored by their numbers\">"
      + spans.joined(separator: " ") + "</p>"
  }

  /// The numbers of a grid, for whoever does not see colors; none of one that is too large to be read.
  private static func disclosed(_ rows: [String], _ columns: [String], _ values: Tensor) -> String {
    guard rows.count * columns.count <= 2000 else { return "" }
    let (all, width) = (values.values, columns.count)
    let cells = rows.enumerated().map { index, name in
      [.text(name)] + all[index * width..<(index + 1) * width].map { Cell.number(Double($0)) }
    }
    return "<details><summary>The numbers as a table</summary>\(table([""] + columns, cells))</details>"
  }
}
