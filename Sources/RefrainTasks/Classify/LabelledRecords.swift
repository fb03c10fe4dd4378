import RefrainData

/// Records that were read and checked for a task that says something of rows.
public struct LabelledRecords: Sendable {
  /// The rows.
  public let records: Records
  /// Rows to choose by while training; nil takes a part of the others.
  let validation: Records?
  /// The column of what is true; nil where it is not known.
  let target: Int?
  /// The columns to read, where that was decided.
  let choices: [InputColumns.Choice]

  /// Reads what a task is trained on.
  static func training(from source: DataSource, _ options: ColumnOptions) throws(DataError) -> LabelledRecords {
    let named = [options.target].compactMap(\.self) + options.inputs
    let records = try Records(source, columns: named)
    let target: Int
    if let name = options.target {
      target = try records.column(named: name)
    } else {
      target = try findTarget(in: records)
    }
    let choices = try InputColumns.choose(options.inputs, in: records, without: target)
    var validation: Records?
    if let path = options.validation {
      validation = try Records(DataSource(paths: [path]), columns: records.lacksHeader ? named : records.columns)
      _ = try validation?.column(named: records.columns[target])
    }
    return LabelledRecords(records: records, validation: validation, target: target, choices: choices)
  }

  /// Reads what a trained task is to answer.
  ///
  /// - Parameter target: The column of what is true, which need not be there.
  static func answering(
    from source: DataSource, _ inputs: InputColumns, target: String
  ) throws(DataError) -> LabelledRecords {
    let names = inputs.encoders.map(\.name)
    let records = try Records(
      source, columns: names + [target], takesFiles: inputs.readsFiles, takesLines: inputs.lineColumn)
    for name in names { _ = try records.column(named: name) }
    return LabelledRecords(
      records: records, validation: nil, target: try? records.column(named: target), choices: [])
  }

  /// What columns of labels are called.
  private static let usual = [
    "label", "labels", "target", "class", "category", "sentiment", "intent", "tag", "tags", "topic", "polarity", "y",
    "output", "rating", "score", "stars", "price", "value",
  ]

  private static func findTarget(in records: Records) throws(DataError) -> Int {
    if records.areFiles { return try records.column(named: Records.labelColumn) }
    let names = records.columns.map { $0.lowercased() }
    for name in usual { if let place = names.firstIndex(of: name) { return place } }
    let fitting = records.columns.indices.filter { place in
      let sample = Column(records, place).sample
      return sample.distinct.count > 1 && sample.missing == 0 && sample.distinct.count <= 1000
        && (CategoryColumn.likelihood(of: sample) > 0.3 || sample.values.count < 50 && sample.distinct.count < 6)
    }
    if fitting.count == 1 { return fitting[0] }
    let shown = (fitting.isEmpty ? Array(records.columns.indices) : fitting).prefix(8).map {
      records.columns[$0].quoted
    }
    throw DataError(
      .noSuchColumn,
      "which column is to be learned is not clear: \(shown.joined(separator: ", "))\(fitting.count > 8 ? ", …" : "")",
      remedy: "name it as the target", setting: .target)
  }
}
