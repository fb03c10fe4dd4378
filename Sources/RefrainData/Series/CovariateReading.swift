/// Takes what is observed beside a series out of a table: numbers as they are, categories as a 1 for each that there
/// is.
struct CovariateReading {
  private let table: Table
  private let groups: RowGroups
  private let options: Series.Options
  /// The positions that the target has values for; what lies behind them is its future.
  private let known: Range<Int>
  private let aggregate: Aggregate

  init(_ table: Table, _ groups: RowGroups, _ options: Series.Options, known: Range<Int>, aggregate: Aggregate) {
    (self.table, self.groups, self.options) = (table, groups, options)
    (self.known, self.aggregate) = (known, aggregate)
  }

  /// More categories than this in one column are names, and nothing can be learned of each.
  static let mostCategories = 64

  /// The categories of each covariate that is no column of numbers, in the whole of a table.
  static func categories(of table: Table, _ options: Series.Options) throws(DataError) -> [String: [String]] {
    var categories: [String: [String]] = [:]
    for name in options.covariates + options.future {
      let column = try table.column(named: name)
      guard !table.isNumeric(column) else { continue }
      var seen: Set<String> = []
      for row in 0..<table.rowCount {
        if let text = category(row, column, in: table) { seen.insert(text) }
      }
      if !seen.isEmpty { categories[column.name] = seen.sorted() }
    }
    return categories
  }

  /// The covariates of some columns.
  ///
  /// - Throws: `missingValue` with the row where something known ahead has no value; `notANumber`; `wrongInput` for a
  ///   category that is not among those known, or too many of them.
  func covariates(
    _ columns: [(column: Table.Column, role: Series.Covariate.Role)], notes: inout [String]
  ) throws(DataError) -> [Series.Covariate] {
    var result: [Series.Covariate] = []
    for (column, role) in columns {
      let isCategory = options.categories.map { $0[column.name] != nil } ?? !table.isNumeric(column)
      if isCategory {
        let texts = try filled(self.texts(column), column, role, notes: &notes)
        result += try categories(texts, column, role)
      } else {
        let written = try table.numbers(in: column, allowsMissing: true, notes: &notes)
        let values = groups.rows.map { rows in
          let value = aggregate(rows.map { written[$0] })
          return value.isNaN ? nil : value
        }
        let numbers = try filled(values, column, role, notes: &notes)
        result.append(covariate(column, role, numbers))
      }
    }
    return result
  }

  private func texts(_ column: Table.Column) -> [String?] {
    groups.rows.map { rows in rows.lazy.reversed().compactMap { Self.category($0, column, in: table) }.first }
  }

  /// What stands in a field of categories; nil where nothing does. Unlike among numbers, none is a category.
  private static func category(_ row: Int, _ column: Table.Column, in table: Table) -> String? {
    let text = table.text(row: row, column: column).trimmed
    return text.isEmpty || ["na", "n/a", "#n/a", "<na>", "nan", "null"].contains(text.lowercased()) ? nil : text
  }

  /// The values up to the end of what is known ahead: a missing one is as the last before it, but ahead there must be
  /// each.
  private func filled<Value>(
    _ values: [Value?], _ column: Table.Column, _ role: Series.Covariate.Role, notes: inout [String]
  ) throws(DataError) -> [Value] {
    let isMissing = { (place: Int) in values[place] == nil }
    let end = role == .future ? values.count : known.upperBound
    if role == .future, let place = (known.upperBound..<end).first(where: isMissing) {
      guard let row = groups.rows[place].first else {
        throw DataError(
          .missingValue, file: table.file, column: column.name,
          "there is no row for \(groups.axis.text(at: place)), which is to be forecast", remedy: "add it")
      }
      throw table.fault(
        .missingValue, row: row, column: column,
        "the value for \(groups.axis.text(at: place)) is missing, and what is known ahead must be there",
        remedy: "write it, or name the column with --past")
    }
    guard let first = (known.lowerBound..<end).first(where: { !isMissing($0) }) else {
      throw DataError(
        .missingValue, file: table.file, column: column.name, "every value is missing", remedy: "choose another column")
    }
    let missing = known.count(where: isMissing)
    if missing > 0 {
      guard options.filling != nil else {
        let place = known.first(where: isMissing)!
        throw table.fault(
          .missingValue, row: groups.rows[place].first ?? 0, column: column, "the value is missing",
          remedy: "fill it (e.g. with the last known value)", setting: .fill)
      }
      notes.append(
        "column \(column.name.shortened): \(CSVContent.count(missing, "missing value")) filled with the last known value"
      )
    }
    var last = values[first]!
    return (known.lowerBound..<end).map { place in
      last = values[place] ?? last
      return last
    }
  }

  private func categories(
    _ texts: [String], _ column: Table.Column, _ role: Series.Covariate.Role
  ) throws(DataError) -> [Series.Covariate] {
    let known = options.categories?[column.name]
    let categories = known ?? Array(Set(texts)).sorted()
    if let place = texts.firstIndex(where: { !categories.contains($0) }) {
      let row = groups.rows[self.known.lowerBound + place].first ?? 0
      throw table.fault(
        .wrongInput, row: row, column: column, "the category \(texts[place].quoted) was never seen in training",
        remedy: nearestName(to: texts[place], among: categories).map { "did you mean \($0.quoted)?" }
          ?? "the known ones are " + categories.prefix(12).map(\.quoted).joined(separator: ", "))
    }
    guard categories.count <= Self.mostCategories else {
      throw DataError(
        .wrongInput, file: table.file, column: column.name,
        "there are \(categories.count) categories, and at most \(Self.mostCategories) can be learned from",
        remedy: "choose a column with fewer")
    }
    return categories.map { category in
      covariate(column, role, texts.map { $0 == category ? 1 : 0 }, category: category)
    }
  }

  private func covariate(
    _ column: Table.Column, _ role: Series.Covariate.Role, _ values: [Double], category: String? = nil
  ) -> Series.Covariate {
    Series.Covariate(
      column: column.name, category: category, role: role, values: Array(values.prefix(known.count)),
      future: Array(values.dropFirst(known.count)))
  }
}
