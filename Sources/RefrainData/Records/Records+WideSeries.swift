extension Records {
  /// Series whose steps are columns, by the names of these: each pattern, such as `t*`, is a channel of one series, and
  /// so are names without a star, one after another.
  ///
  /// - Throws: `noSuchColumn` where a pattern fits less than two columns, `wrongInput` where channels differ in length.
  package func wideSeries(_ patterns: [String]) throws(DataError) -> SeriesLayout {
    var channels: [[String]] = []
    var listed: [String] = []
    for pattern in patterns {
      guard let star = pattern.firstIndex(of: "*") else {
        listed.append(columns[try column(named: pattern)])
        continue
      }
      let (head, tail) = (String(pattern[..<star]), String(pattern[pattern.index(after: star)...]))
      let found = columns.filter { $0.count >= head.count + tail.count && $0.hasPrefix(head) && $0.hasSuffix(tail) }
      guard found.count > 1 else {
        throw DataError(
          .noSuchColumn, file: place(of: 0).file,
          "\(found.isEmpty ? "no column is" : "only one column is") called like \(pattern.quoted)",
          remedy: "name the columns of the steps, such as 't*' for t0, t1, t2 …")
      }
      let numbers = found.map { Int($0.dropFirst(head.count).dropLast(tail.count)) }
      let order =
        numbers.contains(nil) ? Array(found.indices) : found.indices.sorted { (numbers[$0]!, $0) < (numbers[$1]!, $1) }
      channels.append(order.map { found[$0] })
    }
    if !listed.isEmpty { channels.append(listed) }
    if let other = channels.first(where: { $0.count != channels[0].count }) {
      throw DataError(
        .wrongInput, file: place(of: 0).file,
        "channels have \(channels[0].count) and \(other.count) columns", remedy: "give all channels as many steps")
    }
    return .wide([.init(name: Self.seriesColumn, channels: channels)])
  }

  /// Columns that are the steps of series as it seems: at least eight of numbers, called by one word and numbers that
  /// follow one another, with neighbors that are alike.
  ///
  /// - Parameter target: A column that is none of them.
  package func likelySeries(without target: String?) -> SeriesLayout? {
    var groups: [(stem: String, members: [(number: Int, name: String)])] = []
    for name in columns where name.lowercased() != target?.lowercased() {
      let digits = name.reversed().prefix { $0.isASCII && $0.isNumber }.count
      guard 1...6 ~= digits, let number = Int(name.suffix(digits)) else { continue }
      let stem = String(name.dropLast(digits))
      if let place = groups.firstIndex(where: { $0.stem == stem }) {
        groups[place].members.append((number, name))
      } else if groups.count < 100 {
        groups.append((stem, [(number, name)]))
      }
    }
    let series = groups.compactMap { group -> [String]? in
      let members = group.members.sorted { $0.number < $1.number }
      guard members.count >= 8, zip(members, members.dropFirst()).allSatisfy({ $0.number + 1 == $1.number }) else {
        return nil
      }
      let names = members.map(\.name)
      return areAlikeNeighbors(names) ? names : nil
    }
    guard let first = series.first else { return nil }
    if series.allSatisfy({ $0.count == first.count }) {
      return .wide([.init(name: Self.seriesColumn, channels: series)])
    }
    return .wide(
      series.enumerated().map {
        .init(name: $0 == 0 ? Self.seriesColumn : "\(Self.seriesColumn) \($0 + 1)", channels: [$1])
      })
  }

  /// Whether columns are numbers of which each goes up and down with the next: a correlation above 0.4 in the mean.
  private func areAlikeNeighbors(_ names: [String]) -> Bool {
    let places = names.compactMap { columns.firstIndex(of: $0) }
    var values: [[Double]] = []
    for row in stride(from: 0, to: count, by: max(1, count / 300)) {
      var own: [Double] = []
      for place in places {
        guard let text = try? numberText(row: row, column: place) else { return false }
        own.append(Double(text) ?? .nan)
      }
      values.append(own)
    }
    var (sum, pairs) = (0.0, 0.0)
    for step in 1..<places.count {
      let both = values.filter { $0[step - 1].isFinite && $0[step].isFinite }.map { ($0[step - 1], $0[step]) }
      guard both.count > 2 else { continue }
      let count = Double(both.count)
      let (x, y) = (both.reduce(0) { $0 + $1.0 } / count, both.reduce(0) { $0 + $1.1 } / count)
      let xx = both.reduce(0) { $0 + ($1.0 - x) * ($1.0 - x) }
      let yy = both.reduce(0) { $0 + ($1.1 - y) * ($1.1 - y) }
      guard xx > 0, yy > 0 else { continue }
      sum += both.reduce(0) { $0 + ($1.0 - x) * ($1.1 - y) } / (xx * yy).squareRoot()
      pairs += 1
    }
    return pairs > 0 && sum / pairs > 0.4
  }

  /// The records with a column for each series in place of those of its steps. Steps behind the last value of a row are
  /// none.
  func arranged(_ series: [SeriesLayout.WideSeries]) throws(DataError) -> Records {
    var places: [[[Int]]] = []
    for one in series {
      var channels: [[Int]] = []
      for names in one.channels {
        var steps: [Int] = []
        for name in names { steps.append(try column(named: name)) }
        channels.append(steps)
      }
      places.append(channels)
    }
    let steps = Set(places.joined().joined())
    let others = columns.indices.filter { !steps.contains($0) }
    let names = others.map { columns[$0] } + series.map(\.name)
    var arranged = Records()
    (arranged.notes, arranged.lacksHeader) = (notes, lacksHeader)
    var rows = DerivedRows(name: place(of: 0).file, width: names.count)
    for row in 0..<count {
      let (file, number) = place(of: row)
      if rows.part.name != file {
        try arranged.append(rows.part, columns: names)
        rows = DerivedRows(name: file, width: names.count)
      }
      rows.beginRow(number: number)
      for column in others { rows.add(text(row: row, column: column).map { Array($0.utf8) }) }
      for channels in places { rows.add(try text(ofRow: row, channels)) }
    }
    try arranged.append(rows.part, columns: names)
    return arranged
  }

  /// A row's series as text.
  private func text(ofRow row: Int, _ channels: [[Int]]) throws(DataError) -> [UInt8] {
    var values: [[String]] = []
    var length = 1
    for steps in channels {
      var own: [String] = []
      for (step, column) in steps.enumerated() {
        let value = try numberText(row: row, column: column)
        own.append(value)
        if value != "?" { length = max(length, step + 1) }
      }
      values.append(own)
    }
    return Array(values.map { $0.prefix(length).joined(separator: ",") }.joined(separator: ":").utf8)
  }
}
