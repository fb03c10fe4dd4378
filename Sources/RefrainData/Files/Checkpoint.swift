import Refrain
import RefrainFoundation

/// A file of a trained model in which the training lies that made it: whoever asks for the model predicts with it,
/// whoever asks for the training goes on with it.
///
/// The model's tensors stand under their own names, with its kind and description in the metadata; those of the
/// training under `checkpoint.`, with its position in the metadata `training`. The name of the stage, for a task that
/// trains several times, is the metadata `stage`; where that stage has ended, `history` is its course.
package struct Checkpoint: Sendable {
  private static let prefix = "checkpoint."

  /// The contents of the file.
  package private(set) var file: SafeTensorsFile
  private let path: String?

  /// Whether a tensor of this name is one of a training's.
  static func holds(_ name: String) -> Bool { name.hasPrefix(prefix) }

  /// A checkpoint to be written.
  ///
  /// - Parameters:
  ///   - training: All that training consists of.
  ///   - model: The file of a model that can predict; nil where there is none yet.
  ///   - stage: Which training of the task it is.
  ///   - history: The course of the stage, when it has ended.
  /// - Throws: `unwritableFile` when something is nothing that JSON can say.
  package init(
    of training: some SavedTraining, model: SafeTensorsFile?, stage: String, ended history: History? = nil
  ) throws(DataError) {
    let saved = try training.file()
    path = nil
    file = model ?? SafeTensorsFile(tensors: [])
    file.tensors += saved.tensors.map { NamedArray(name: Self.prefix + $0.name, array: $0.array) }
    file.metadata["training"] = saved.metadata["description"]
    file.metadata["stage"] = stage
    if let history {
      guard let text = try? JSONEncoder().encode(history) else {
        throw DataError(.unwritableFile, "the history of the training cannot be written as JSON")
      }
      file.metadata["history"] = String(decoding: text, as: UTF8.self)
    }
  }

  /// Reads a checkpoint.
  ///
  /// - Throws: What reading safetensors throws; `notAModel` for a file that holds no training; `damagedModel` where its
  ///   history cannot be read.
  package init(contentsOf path: String) throws(DataError) {
    try self.init(SafeTensorsFile(contentsOf: path), path: path)
  }

  /// The same from the bytes of a file.
  package init(bytes: [UInt8], path: String) throws(DataError) {
    try self.init(SafeTensorsFile(bytes: bytes, file: path), path: path)
  }

  private init(_ file: SafeTensorsFile, path: String) throws(DataError) {
    self.file = file
    self.path = path
    guard file.metadata["training"] != nil, file.metadata["stage"] != nil else {
      throw DataError(.notAModel, file: path, "this file holds no training to go on with")
    }
    guard file.metadata["history"] == nil || history != nil else {
      throw DataError(
        .damagedModel, file: path, "the history of the training cannot be read", remedy: "train without this file")
    }
  }

  /// Which training of the task it is.
  package var stage: String { file.metadata["stage"] ?? "" }

  /// The course of the stage; nil unless it has ended.
  package var history: History? { file.metadata["history"].flatMap(Self.history) }

  /// What the metadata `history` says; nil where that cannot be read.
  package static func history(_ text: String) -> History? {
    try? JSONDecoder().decode(History.self, from: Data(text.utf8))
  }

  /// The position that the metadata `training` says; nil where that cannot be read.
  package static func position(_ text: String) -> TrainingPosition? {
    try? JSONDecoder().decode(TrainingDescription.self, from: Data(text.utf8)).decoded()
  }

  /// The training, to go on with.
  ///
  /// - Throws: What ``TrainingState/init(contentsOf:model:optimizer:)`` throws.
  package func state<M: Module>(model: M, optimizer: some Optimizer) throws(DataError) -> TrainingState<M> {
    let tensors = file.tensors.filter { Self.holds($0.name) }.map {
      NamedArray(name: String($0.name.dropFirst(Self.prefix.count)), array: $0.array)
    }
    let metadata = ModelFile.metadata(
      kind: TrainingDescription.kind, description: file.metadata["training"] ?? "")
    return try TrainingState(
      SafeTensorsFile(tensors: tensors, metadata: metadata), path: path, model: model, optimizer: optimizer)
  }
}
