/// How whole series stand in a table, if each is not a field of its own.
package enum SeriesLayout: Codable, Sendable, Equatable {
  /// Each row is a step of a series.
  case long(LongSeries)
  /// Each row is a series, with a column for each of its steps.
  case wide([WideSeries])

  /// The columns that it is about.
  package var columns: [String] {
    switch self {
    case .long(let long): long.id + [long.time].compactMap(\.self) + long.channels + long.others
    case .wide(let series): series.flatMap { $0.channels.flatMap(\.self) }
    }
  }

  /// Takes away a column that is not read.
  package mutating func remove(_ column: String) {
    guard case .long(var long) = self else { return }
    long.others.removeAll { $0 == column }
    self = .long(long)
  }

  /// What is known of a table whose rows are steps.
  package struct LongSeries: Codable, Sendable, Equatable {
    /// The columns that together say which series a row belongs to.
    package var id: [String]
    /// The column of times; nil where steps are only counted.
    package var time: String?
    /// The columns of values.
    package var channels: [String]
    /// Columns with one value for each series.
    package var others: [String]
  }

  /// Columns that are the steps of a series.
  package struct WideSeries: Codable, Sendable, Equatable {
    /// What the series is called.
    package var name: String
    /// The columns of each channel, one a step, all as many.
    package var channels: [[String]]
  }
}

extension Records {
  /// Whether each row is a whole series already, as in a `.ts` file.
  package var areSeries: Bool { columns == [Self.seriesColumn, Self.labelColumn] }

  /// The records with a row for each series, which is a text in a column of its own.
  ///
  /// - Parameter target: A column that need not be there, and has one value for each series.
  /// - Throws: ``DataError`` with the row of what does not fit.
  package func arranged(_ layout: SeriesLayout, keeping target: String?) throws(DataError) -> Records {
    switch layout {
    case .long(let long): try arranged(long, keeping: target)
    case .wide(let series): try arranged(series)
    }
  }
}

extension Records {
  /// The number of a field as text, without the blanks around it; `?` where it is missing.
  ///
  /// - Throws: `notANumber` with the place.
  func numberText(row: Int, column: Int) throws(DataError) -> String {
    var field = text(row: row, column: column) ?? ""
    if field.utf8.contains(where: isBlank) {
      field = String(decoding: Array(field.utf8)[...].trimmedBytes, as: UTF8.self)
    }
    guard !isMissingNumber(field) else { return "?" }
    guard Double(field).map({ $0.isFinite }) == true else {
      throw fault(
        .notANumber, row: row, column: column, "\(field.shortened.quoted) is not a number",
        remedy: "write a number, or leave the field empty")
    }
    return field
  }
}

/// Rows that are made of others, for records.
struct DerivedRows {
  private(set) var part: Records.Part
  private let width: Int

  init(name: String?, width: Int) { (part, self.width) = (Records.Part(name: name), width) }

  mutating func beginRow(number: Int) { part.beginRow(width: width, number: number) }

  /// The next field of the row.
  mutating func add(_ text: [UInt8]?) {
    guard let text else { return part.add(.missing) }
    part.add(Records.Field(start: part.bytes.count, count: Int32(clamping: text.count)))
    part.bytes.append(contentsOf: text)
  }
}
