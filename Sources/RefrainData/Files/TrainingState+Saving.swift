import Refrain
import RefrainFoundation

/// What a file of a training says besides its tensors.
struct TrainingDescription: Codable {
  /// The version of what is said.
  var version: Int
  /// The position, in JSON that has words for numbers that are not finite.
  var position: String

  static let kind = "training"
  static let newest = 1
  private static let words = (infinite: "inf", negative: "-inf", none: "nan")

  init(_ position: TrainingPosition) throws {
    version = Self.newest
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: Self.words.infinite, negativeInfinity: Self.words.negative, nan: Self.words.none)
    self.position = String(decoding: try encoder.encode(position), as: UTF8.self)
  }

  func decoded() throws -> TrainingPosition {
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: Self.words.infinite, negativeInfinity: Self.words.negative, nan: Self.words.none)
    return try decoder.decode(TrainingPosition.self, from: Data(position.utf8))
  }
}

extension SavedTraining {
  /// Writes all that a training consists of to a `.safetensors` file, which appears whole or not at all: the model
  /// under `model`, its best weights under `best`, the optimizer's moments under `optimizer`, averaged weights under
  /// `average`, what is carried from one window of a batch to the next under `carried`, the position in the metadata.
  ///
  /// - Throws: What ``ModelFile/write(_:kind:description:to:)`` throws.
  public func save(to path: String) throws(DataError) {
    do throws(DataError) { try file().write(to: path) } catch { throw error.inFile(path) }
  }

  /// What ``save(to:)`` writes.
  func file() throws(DataError) -> SafeTensorsFile {
    guard let description = try? TrainingDescription(position) else {
      throw DataError(.unwritableFile, "the position of the training cannot be written as JSON")
    }
    return try ModelFile.contents(of: self, kind: TrainingDescription.kind, description: description)
  }
}

extension TrainingState {
  /// Reads a training that was saved, to go on with it.
  ///
  /// - Parameters:
  ///   - path: The file that ``SavedTraining/save(to:)`` has written.
  ///   - model: A model of the same architecture; its weights do not matter.
  ///   - optimizer: An optimizer of the same kind.
  /// - Throws: What ``ModelFile/read(_:kind:description:layers:)`` throws; `damagedModel` when the tensors are not
  ///   those of the model and the optimizer.
  public init(contentsOf path: String, model: Model, optimizer: some Optimizer) throws(DataError) {
    try self.init(SafeTensorsFile(contentsOf: path), path: path, model: model, optimizer: optimizer)
  }

  /// The same of a file that was read already; `path` is where it was, for messages.
  init(_ file: SafeTensorsFile, path: String?, model: Model, optimizer: some Optimizer) throws(DataError) {
    let contents = try ModelFile.read(
      file, path: path, kind: TrainingDescription.kind, description: TrainingDescription.self)
    guard contents.description.version <= TrainingDescription.newest else {
      throw DataError(
        .newerModel, file: path,
        "the training has version \(contents.description.version), newer than \(TrainingDescription.newest)",
        remedy: "update Refrain")
    }
    guard let position = try? contents.description.decoded() else {
      throw contents.damaged("the position of the training cannot be understood")
    }
    self.init(of: model, optimizer: optimizer, at: position, carried: contents.shapes(under: Self.carriedName))
    try contents.load(into: &self, checkingValues: false)
  }
}

extension TrainingState where Model == Sequential {
  /// Reads a training of a compiled model, to go on with it.
  ///
  /// - Parameters:
  ///   - path: The file that ``SavedTraining/save(to:)`` has written.
  ///   - model: A model of the same architecture, compiled with an optimizer of the same kind.
  /// - Throws: What ``init(contentsOf:model:optimizer:)`` throws; `wrongInput` when the model is not compiled.
  public init(contentsOf path: String, model: Sequential) throws(DataError) {
    guard let optimizer = model.compiled?.optimizer else {
      throw DataError(.wrongInput, file: path, "the model is not compiled, so its training cannot go on")
    }
    try self.init(contentsOf: path, model: model, optimizer: optimizer)
  }
}

/// Saves all that a training consists of now and then, so that one that is killed can go on:
///
///     let path = "training.safetensors"
///     let state = FileManager.default.fileExists(atPath: path)
///       ? try TrainingState(contentsOf: path, model: model, optimizer: optimizer) : nil
///     try Trainer(epochs: 100, observers: [Checkpoints(path)]).fit(
///       &model, optimizer: &optimizer, batches: batches, resuming: state, loss: loss)
///
/// The file is replaced as a whole: at every moment it holds a state that was true.
public final class Checkpoints: TrainingObserver {
  private let path: String
  private let epochs: Int?
  private let steps: Int?
  private var lastStep = 0

  /// - Parameters:
  ///   - path: The file; the one before is replaced.
  ///   - epochs: After how many epochs each; nil saves at none.
  ///   - steps: After how many updates of the optimizer besides; nil saves at none. Where training cannot go on
  ///     between two windows (`TrainingEvent.isResumable`) it waits for the end of a batch.
  public init(_ path: String, everyEpochs epochs: Int? = 1, everySteps steps: Int? = nil) {
    precondition(epochs ?? 1 > 0 && steps ?? 1 > 0, "checkpoints are saved every 1, 2, … epochs or steps")
    self.path = path
    self.epochs = epochs
    self.steps = steps
  }

  public func observe(_ event: TrainingEvent) throws(TrainingError) -> TrainingDecision {
    let isDue =
      switch event.kind {
      case .epoch(let epoch): epochs.map { epoch.number % $0 == 0 || epoch.number == event.epochs } ?? false
      case .step(let step): steps.map { step.step - lastStep >= $0 } ?? false
      case .began, .ended: false
      }
    guard isDue, let state = event.state() else { return .proceed }
    do throws(DataError) {
      try state.save(to: path)
    } catch {
      throw TrainingError(.observerFailed, "the training could not be saved: \(error)")
    }
    if case .step(let step) = event.kind { lastStep = step.step }
    return .proceed
  }
}

extension Sequential {
  /// The prefix of an optimizer's tensors in the file of a model.
  static let optimizerPrefix = "optimizer."

  /// Writes architecture and weights to a `.safetensors` file, and with them what the optimizer remembers, so that the
  /// model can be trained on as if it had never left memory. Whoever reads the model alone reads the same file.
  ///
  /// - Throws: What ``ModelFile/write(_:kind:description:to:)`` throws.
  public func saveWithOptimizer(to path: String) throws(DataError) {
    guard let compiled else {
      throw DataError(.unwritableFile, file: path, "the model is not compiled, so there is no optimizer to save")
    }
    try ModelFile.write(
      TrainedModel(model: self, optimizer: compiled.optimizer.state), kind: Self.kind, description: configuration,
      to: path)
  }

  /// Reads what an optimizer remembered of this model, from a file that ``saveWithOptimizer(to:)`` wrote.
  ///
  /// - Parameters:
  ///   - path: The file the model was read from.
  ///   - optimizer: An optimizer of the same kind, whose memory is replaced.
  /// - Throws: What ``ModelFile/read(_:kind:description:layers:)`` throws; `damagedModel` when the file has no memory
  ///   of such an optimizer.
  public func loadState<O: Optimizer>(
    of optimizer: inout O, from path: String, layers: [any Layer.Type] = []
  ) throws(DataError) {
    let contents = try ModelFile.read(path, kind: Self.kind, description: Configuration.self, layers: layers)
    optimizer.state = OptimizerState()
    optimizer.prepare(for: self)
    var both = TrainedModel(model: self, optimizer: optimizer.state)
    try contents.load(into: &both, checkingValues: false)
    optimizer.state = both.optimizer
  }
}

/// A model with what its optimizer remembers.
private struct TrainedModel: TensorGroup {
  var model: Sequential
  var optimizer: OptimizerState

  mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try model.forEachTensor(body)
    try optimizer.forEachTensor { (name: String, tensor: inout Tensor) throws(E) in
      try body(Sequential.optimizerPrefix + name, &tensor)
    }
  }
}
