import Refrain
import RefrainData
import RefrainFormats
import RefrainTasks

/// A model of Refrain's own with its weights stored in another way, and what that does to its answers.
public struct WeightConversion: Sendable {
  /// A measure of the task, before and after.
  public struct Change: Sendable, Equatable {
    /// The measure's name.
    public let name: String
    /// With the weights as they were.
    public let before: Double
    /// With the weights as they are stored.
    public let after: Double
    /// How far it moved, as a share of what it was; nil where it was 0 or is no number.
    public var relative: Double? {
      let change = (after - before) / abs(before)
      return change.isFinite ? change : nil
    }
  }

  /// The file's bytes.
  public let bytes: [UInt8]
  /// The bytes of the file before.
  public let sizeBefore: Int
  /// How far outputs for random inputs are from those before; nil where nothing runs on arrays.
  public private(set) var comparison: OutputComparison?
  /// The measures of the task on examples; none where there were none.
  public private(set) var changes: [Change] = []
  /// How far answers are from those before, where it is not known what is true of the examples; none where it is.
  public private(set) var differences: [TaskEvaluation.Measure] = []
  /// How many examples the changes are of.
  public private(set) var examples = 0

  /// Stores weights in another way, and reads them back.
  ///
  /// - Parameters:
  ///   - path: the model.
  ///   - storage: how.
  ///   - examples: files to measure the task on, before and after.
  /// - Throws: `unsupportedContent` for another program's file, or for examples of a model that is of no task; what
  ///   reading, storing and measuring throw.
  public init(_ path: String, as storage: WeightStorage, examples source: DataSource? = nil) throws(DataError) {
    let original = try readModelFile(path)
    sizeBefore = original.count
    let before = try LoadedModel(original, path: path, assuming: StateAssumptions())
    guard before.format == .refrain else {
      throw DataError(
        .unsupportedContent, file: path, "only the weights of Refrain's own models are stored as \(storage.rawValue)",
        remedy: "convert it to .safetensors first")
    }
    let file: SafeTensorsFile
    do throws(DataError) {
      file = try SafeTensorsFile(bytes: original, file: path).storingWeights(as: storage)
    } catch {
      throw error.inFile(path)
    }
    bytes = try file.bytes()
    let after = try LoadedModel(bytes, path: nil, assuming: StateAssumptions())
    if let first = try? before.runnable(), let second = try? after.runnable() {
      comparison = try? ConversionTrial(first, second).run()
    }
    guard let source else { return }
    guard case .task(let first) = before.model, case .task(let second) = after.model else {
      throw DataError(
        .unsupportedContent, file: path, "the model is of no task, so that there is nothing to measure by",
        remedy: "leave out --calibrate")
    }
    guard let (one, other) = try first.evaluations(with: second, on: source) else {
      differences = try first.differences(to: second, on: source)
      return
    }
    examples = one.examples
    for measure in one.measures {
      guard let value = other.measures.first(where: { $0.name == measure.name })?.value else { continue }
      changes.append(Change(name: measure.name, before: measure.value, after: value))
    }
  }
}

extension TaskModel {
  /// The measures on files, of this model and of another one of the task; nil where they need what is true of the
  /// examples, and the files cannot say it.
  fileprivate func evaluations(
    with other: any TaskModel, on source: DataSource
  ) throws(DataError) -> (TaskEvaluation, TaskEvaluation)? {
    let examples = try examples(from: source)
    do throws(TaskError) {
      let first = try evaluate(on: examples)
      return (first, try (other as? Self)?.evaluate(on: examples) ?? first)
    } catch {
      if error.setting == .labels { return nil }
      throw DataError(.wrongInput, error.problem, remedy: error.remedy)
    }
  }

  /// How far the answers of another model of the task are from this one's.
  fileprivate func differences(
    to other: any TaskModel, on source: DataSource
  ) throws(DataError) -> [TaskEvaluation.Measure] {
    let examples = try examples(from: source)
    guard let other = other as? Self else { return [] }
    do throws(TaskError) {
      return try differences(to: other, on: examples, Request())
    } catch {
      throw DataError(.wrongInput, error.problem, remedy: error.remedy)
    }
  }
}
