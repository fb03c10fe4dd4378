extension Records {
  /// How a table whose rows are steps is arranged: which columns are values of the series, and which say something of
  /// the whole of one.
  ///
  /// - Parameters:
  ///   - id: The columns that say which series a row belongs to.
  ///   - time: The column of times, if there is one.
  ///   - names: The columns to take; none takes all.
  ///   - target: A column that says something of a whole series, if it is known.
  ///   - notes: Takes up which columns are left out.
  /// - Throws: `noSuchColumn`, or `noNumericColumn` where no column of numbers changes within a series.
  package func longSeries(
    id: [String], time: String?, among names: [String], target: String?, notes: inout [String]
  ) throws(DataError) -> SeriesLayout {
    var taken: Set<Int> = []
    for name in id + [time, target].compactMap(\.self) {
      guard taken.insert(try column(named: name)).inserted else {
        throw DataError(
          .columnUsedTwice, "the column \(name.quoted) cannot be two things at once",
          remedy: "name it once: as the id, the time or the target")
      }
    }
    let groups = try seriesRows(id)
    var chosen: [Int] = []
    for name in names { chosen.append(try column(named: name)) }
    var layout = SeriesLayout.LongSeries(
      id: try spelled(id), time: try time.map { name throws(DataError) in columns[try column(named: name)] },
      channels: [], others: [])
    for column in columns.indices where !taken.contains(column) && (chosen.isEmpty || chosen.contains(column)) {
      var (changes, isNumeric) = (false, true)
      for rows in groups where !changes || isNumeric {
        var first: String?
        for row in rows {
          guard let text = text(row: row, column: column), !isMissingNumber(text) else { continue }
          if isNumeric, (try? numberText(row: row, column: column)) == nil { isNumeric = false }
          if first == nil { first = text } else if first != text { changes = true }
        }
      }
      switch (changes, isNumeric) {
      case (false, _): layout.others.append(columns[column])
      case (true, true): layout.channels.append(columns[column])
      case (true, false):
        notes.append(
          "the column \(columns[column].quoted) is left out: it changes within a series, and is no column of numbers")
      }
    }
    guard !layout.channels.isEmpty else {
      throw DataError(
        .noNumericColumn, file: place(of: 0).file,
        "no column of numbers changes within a series of rows with one \(id.joined(separator: ", ").quoted)",
        remedy: "name another column as the id, or leave it out if each row is an example")
    }
    return .long(layout)
  }

  private func spelled(_ names: [String]) throws(DataError) -> [String] {
    var spelled: [String] = []
    for name in names { spelled.append(columns[try column(named: name)]) }
    return spelled
  }

  /// The rows of each series, in the order in which series begin.
  private func seriesRows(_ id: [String]) throws(DataError) -> [[Int]] {
    var places: [Int] = []
    for name in id { places.append(try column(named: name)) }
    var numbers: [String: Int] = [:]
    var groups: [[Int]] = []
    for row in 0..<count {
      var key = ""
      for place in places {
        guard let text = text(row: row, column: place), !text.isEmpty else {
          throw fault(
            .missingValue, row: row, column: place, "which series the row belongs to is missing",
            remedy: "fill it in, or remove the row")
        }
        key += text + "\u{0}"
      }
      if let number = numbers[key] {
        groups[number].append(row)
      } else {
        numbers[key] = groups.count
        groups.append([row])
      }
    }
    return groups
  }

  /// The records with a row for each series: its id, the series, and what else is said of it.
  func arranged(_ layout: SeriesLayout.LongSeries, keeping target: String?) throws(DataError) -> Records {
    let groups = try seriesRows(layout.id)
    let moments = try layout.time.map { name throws(DataError) in try self.moments(column(named: name)) }
    var channels: [Int] = []
    for name in layout.channels { channels.append(try column(named: name)) }
    var singles: [Int] = []
    for name in layout.id + layout.others { singles.append(try column(named: name)) }
    if let target, let place = try? column(named: target), !singles.contains(place) { singles.append(place) }
    let names = singles.map { columns[$0] }
    let series = names.contains(Self.seriesColumn) ? "steps" : Self.seriesColumn

    var arranged = Records()
    arranged.notes = notes
    var rows = DerivedRows(name: nil, width: names.count + 1)
    func finish(_ rows: DerivedRows, _ arranged: inout Records) throws(DataError) {
      if rows.part.count > 0 { try arranged.append(rows.part, columns: names + [series]) }
    }
    let budget = MemoryBudget.current
    var taken = 0
    for group in groups {
      let (file, number) = place(of: group[0])
      if rows.part.count == 0 || rows.part.name != file {
        try finish(rows, &arranged)
        (rows, taken) = (DerivedRows(name: file, width: names.count + 1), 0)
      }
      rows.beginRow(number: number)
      for column in singles { rows.add(try single(column, of: group)) }
      var order = group
      if let moments { order = group.sorted { (moments[$0], $0) < (moments[$1], $1) } }
      rows.add(try text(of: order, channels, moments))
      if rows.part.bytes.count > taken + 1 << 24 {
        try budget.take(rows.part.bytes.count - taken, for: "the series of \(arranged.count + rows.part.count) rows")
        taken = rows.part.bytes.count
      }
    }
    try finish(rows, &arranged)
    return arranged
  }

  /// The one value that the rows of a series have in a column, if any has one.
  private func single(_ column: Int, of rows: [Int]) throws(DataError) -> [UInt8]? {
    var found: String?
    for row in rows {
      guard let text = text(row: row, column: column), !isMissingNumber(text) else { continue }
      guard let known = found else {
        found = text
        continue
      }
      guard text == known else {
        throw fault(
          .wrongInput, row: row, column: column,
          "\(text.quoted) is another value than \(known.quoted) in a row before it of the same series",
          remedy: "give all rows of a series one value")
      }
    }
    return found.map { Array($0.utf8) }
  }

  /// The moments of all rows: numbers as they stand, calendar times in seconds.
  ///
  /// - Throws: `missingValue` or `notATime` with the row.
  package func moments(_ column: Int) throws(DataError) -> [Double] {
    let texts = (0..<count).map { row in Array((text(row: row, column: column) ?? "").utf8)[...].trimmedBytes }
    let (moments, place) = MomentReader.all(texts)
    guard let moments else {
      let text = String(decoding: texts[place], as: UTF8.self)
      throw fault(
        text.isEmpty ? .missingValue : .notATime, row: place, column: column,
        text.isEmpty ? "the time is missing" : "\(text.quoted) is not a time written like those before it",
        remedy: "write a number, or a time like 2024-01-31 18:00")
    }
    return moments
  }

  /// A series as text.
  private func text(of rows: [Int], _ channels: [Int], _ moments: [Double]?) throws(DataError) -> [UInt8] {
    var text: [UInt8] = []
    for (number, column) in channels.enumerated() {
      if number > 0 { text.append(.colon) }
      var isFirst = true
      for row in rows {
        let value = try numberText(row: row, column: column)
        // With its time a missing value need not be written.
        if value == "?", moments != nil { continue }
        if !isFirst { text.append(UInt8(ascii: ",")) }
        isFirst = false
        if let moments {
          text += Array("(\(moments[row] - moments[rows[0]]),\(value))".utf8)
        } else {
          text += Array(value.utf8)
        }
      }
      // A channel without a value.
      if isFirst { text.append(UInt8(ascii: "?")) }
    }
    return text
  }
}

/// Whether a field says that there is no number.
package func isMissingNumber(_ text: String) -> Bool {
  guard text.utf8.count <= 12 else { return false }
  var text = text
  return text.withUTF8 { Field($0, NumberNotation()) == .missing }
}
