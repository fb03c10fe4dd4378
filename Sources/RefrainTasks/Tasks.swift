import RefrainData

/// The tasks that there are.
public enum Tasks {
  /// The tasks; a new one is added here.
  public static let all: [any TaskModel.Type] = [
    Forecaster.self,
    Detector.self,
    Classifier.self,
    Regressor.self,
    Tagger.self,
    LanguageModel.self,
    Translator.self,
    Transcriber.self,
    FramePredictor.self,
  ]

  /// The task of this name, or nil.
  public static func named(_ name: String) -> (any TaskModel.Type)? { all.first { $0.name == name } }

  /// The task that a model file is of; nil when it is of none.
  ///
  /// - Parameter tasks: Those to choose from.
  package static func task(
    of file: SafeTensorsFile, among tasks: [any TaskModel.Type] = all
  ) -> (any TaskModel.Type)? {
    guard let kind = ModelFile.kind(of: file) else { return nil }
    return tasks.first { $0.kind == kind || $0.formerKinds.contains(kind) }
  }

  /// The trained task in a model file.
  ///
  /// - Parameters:
  ///   - file: What was read.
  ///   - path: Where the file is, for messages.
  ///   - tasks: Those to choose from.
  /// - Throws: `notAModel` when no task wrote it, or what ``TaskModel/init(modelFile:path:)`` throws.
  package static func model(
    in file: SafeTensorsFile, path: String?, among tasks: [any TaskModel.Type] = all
  ) throws(DataError) -> any TaskModel {
    guard let task = task(of: file, among: tasks) else {
      let kind = ModelFile.kind(of: file)
      if kind == nil, file.metadata["training"] != nil, file.metadata["stage"] != nil {
        throw DataError(
          .notAModel, file: path, "this is a training on its way, which cannot answer yet",
          remedy: "go on with its folder (train --resume) to the end")
      }
      throw DataError(
        .notAModel, file: path,
        kind.map { "this is a model of the kind \($0.quoted), which is no task" }
          ?? "this safetensors file was not written by Refrain",
        remedy: "choose a file that 'train' wrote")
    }
    return try task.init(modelFile: file, path: path)
  }
}
