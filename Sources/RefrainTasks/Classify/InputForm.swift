/// In which form a model of columns can be given rows, for those that ask without a file.
package struct InputForm: Sendable, Equatable {
  /// The columns that are read, by their names; none where rows are made of several rows or columns, or are files.
  package let columns: [String]
  /// Whether a line of text is a row.
  package let readsLines: Bool
  /// Whether a recording is a row: nothing else is read.
  package let readsRecordings: Bool
  /// The column of a table that they stand in; nil where they are no table's.
  package let recordingColumn: String?
}

extension InputColumns {
  fileprivate var form: InputForm {
    let readsRecordings = encoders.count == 1 && encoders[0].encoder is RecordingColumn
    return InputForm(
      columns: layout == nil && !readsFiles ? encoders.map(\.name) : [], readsLines: lineColumn != nil,
      readsRecordings: readsRecordings,
      recordingColumn: readsRecordings && !readsFiles ? encoders[0].name : nil)
  }
}

extension Classifier {
  /// In which form it can be given rows.
  package var form: InputForm { columns.form }
}

extension Regressor {
  /// In which form it can be given rows.
  package var form: InputForm { columns.form }
}
