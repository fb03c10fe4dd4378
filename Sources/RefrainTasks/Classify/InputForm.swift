/// In which form a model of columns can be given rows, for those that ask without a file.
package struct InputForm: Sendable, Equatable {
  /// What files hold.
  package enum Files: Sendable, Equatable {
    case recordings
    /// Images, or clips of several frames, brought to so many rows, columns and channels.
    case frames(shape: [Int], areStill: Bool)
  }

  /// The columns that are read, by their names; none where rows are made of several rows or columns, or are files.
  package let columns: [String]
  /// Whether a line of text is a row.
  package let readsLines: Bool
  /// What each row is a file of, where nothing else is read.
  package let files: Files?
  /// The column of a table that they stand in; nil where they are no table's.
  package let fileColumn: String?
  /// The columns that name images and clips.
  package let frameColumns: [String]
}

extension InputColumns {
  fileprivate var form: InputForm {
    var files: InputForm.Files?
    if encoders.count == 1 {
      if encoders[0].encoder is RecordingColumn { files = .recordings }
      if let frames = encoders[0].encoder as? FramesColumn {
        files = .frames(shape: frames.shape, areStill: frames.areStill)
      }
    }
    return InputForm(
      columns: layout == nil && !readsFiles ? encoders.map(\.name) : [], readsLines: lineColumn != nil, files: files,
      fileColumn: files == nil || readsFiles ? nil : encoders[0].name,
      frameColumns: encoders.filter { $0.encoder is FramesColumn }.map(\.name))
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

extension FramePredictor {
  /// In which form it can be given clips.
  package var form: InputForm {
    InputForm(
      columns: [], readsLines: false,
      files: .frames(shape: frameShape, areStill: false), fileColumn: nil,
      frameColumns: [])
  }
}
