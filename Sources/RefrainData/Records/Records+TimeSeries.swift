extension Records {
  /// The column of whole series, where rows are series.
  public static let seriesColumn = "series"

  /// Whether text is of the form that sktime and the UEA and UCR archives write series in (`.ts`).
  static func areTimeSeries(_ text: BlockText) throws(DataError) -> Bool {
    var reader = BlockReader(text)
    while let line = try reader.nextLine()?.trimmedBytes {
      guard let first = line.first, first != UInt8(ascii: "#") else { continue }
      let word = String(decoding: line.prefix { !isBlank($0) }, as: UTF8.self).lowercased()
      return ["@problemname", "@timestamps", "@univariate", "@dimensions", "@classlabel", "@targetlabel"].contains(word)
    }
    return false
  }

  /// Reads a `.ts` file: after `@data` a series a line, its channels between colons, their values between commas, the
  /// label or target last. The rows have the columns ``seriesColumn`` and ``labelColumn``.
  ///
  /// - Throws: `wrongFormat` and `wrongFieldCount` with the row.
  mutating func readTimeSeries(_ text: BlockText, name: String) throws(DataError) {
    var part = Part(name: name, most: block)
    var reader = BlockReader(text, keeps: true)
    var (number, isData, hasLabel) = (0, false, false)
    var labels: Set<String> = []
    var dimensions: Int?
    while let line = try reader.nextLine()?.trimmedBytes {
      number += 1
      guard let first = line.first, first != UInt8(ascii: "#") else { continue }
      guard isData else {
        guard first == UInt8(ascii: "@") else {
          throw DataError(
            .wrongFormat, row: number, "a line before @data does not begin with @", remedy: "add a line @data")
        }
        let words = String(decoding: line, as: UTF8.self).split { $0 == " " || $0 == "\t" }.map(String.init)
        let isTrue = words.dropFirst().first?.lowercased() == "true"
        switch words[0].lowercased() {
        case "@data": isData = true
        case "@classlabel":
          hasLabel = isTrue
          labels = Set(words.dropFirst(2))
        case "@targetlabel": hasLabel = isTrue
        case "@dimensions": dimensions = words.dropFirst().first.flatMap { Int($0) }
        case "@univariate": if isTrue { dimensions = 1 }
        default: break
        }
        continue
      }
      let colon = hasLabel ? line.lastIndex(of: .colon) : nil
      if hasLabel, colon == nil {
        throw DataError(
          .wrongFieldCount, row: number, "the series has no label behind a colon", remedy: "add it: 1.5,2.5:label")
      }
      let series = line[..<(colon ?? line.endIndex)]
      let channels = 1 + series.lazy.filter { $0 == .colon }.count
      // Dates with a time of day hold colons too.
      if let dimensions, channels != dimensions, !series.contains(UInt8(ascii: "(")) {
        throw DataError(
          .wrongFieldCount, row: number,
          "the series has \(channels == 1 ? "1 channel" : "\(channels) channels"), and the file says \(dimensions)",
          remedy: "give each series all channels, with colons between them")
      }
      var field = Field.missing
      if let colon {
        let label = line[line.index(after: colon)...].trimmedBytes
        let text = String(decoding: label, as: UTF8.self)
        guard labels.isEmpty || labels.contains(text) else {
          throw DataError(
            .wrongFormat, row: number, "the label \(text.quoted) is none of those that the file names",
            remedy: "add it to the line @classLabel")
        }
        field = reader.field(label)
      }
      part.addRow([reader.field(series), field], number: number)
    }
    part.bytes = try reader.finish()
    try part.check()
    guard part.count > 0 else {
      throw DataError(
        .noRows, isData ? "there is no series below @data" : "there is no line @data",
        remedy: "add a series a line below @data")
    }
    try append(part, columns: [Self.seriesColumn, Self.labelColumn])
  }
}
