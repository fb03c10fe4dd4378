import Refrain
import RefrainData

/// A kind of column: how its values become numbers, and which part of a network reads them.
///
/// An encoder is what was learned of a column (a vocabulary, a scaler), and is saved with the model. A new kind is one
/// file and a line in ``ColumnEncoders/all``: text, numbers and categories are such, and so are time series and
/// recordings.
public protocol ColumnEncoder: Codable, Sendable {
  /// The word for the kind in model files and after a column's name: `--inputs review:text`.
  static var kind: String { get }

  /// How sure it is that a column is of this kind, from 0 to 1, by some of its values. The surest kind has it.
  static func likelihood(of sample: ColumnSample) -> Double

  /// Learns what it has to know of a column.
  ///
  /// - Throws: ``DataError`` with the place of a value that cannot be of this kind, made by
  ///   ``Column/fault(_:row:_:remedy:)``.
  init(learning column: Column, _ settings: ColumnSettings) throws(DataError)

  /// Reads the values of a column, which may differ from those that were learned of.
  ///
  /// - Throws: ``DataError`` with the place of a value that is not of this kind.
  func encode(_ column: Column) throws(DataError) -> any EncodedColumn

  /// The part of a network that reads such values, with weights drawn from `generator`.
  func makePart(_ plan: NetworkPlan, using generator: inout RandomGenerator) -> any ColumnPart

  /// About how many weights that part has: held against a file before they are made.
  func weightCount(_ plan: NetworkPlan) -> Double

  /// How many features the values have in the baseline, a logistic regression; 0 where it does not see them.
  var bagSize: Int { get }

  /// What a report says of the column, such as `text, 8,000 words`.
  var summary: String { get }

  /// What an explanation calls the steps of a row's values and what stands at each.
  ///
  /// - Parameters:
  ///   - row: The row.
  ///   - column: A column that ``encode(_:)`` has read.
  ///   - shape: Of the values, `[T, I]`; `[1, I]` of a vector.
  func names(row: Int, of column: Column, shape: [Int]) -> ColumnNames

  /// Values of which nothing is known, in place of `input`; nil where there are no such.
  func unknown(like input: StepValues) -> StepValues?

  /// What values consist of, which says how they may be changed while networks learn of them; nil where they may not.
  var content: Augmentation.Content? { get }

  /// Some rows' values as such changes make them.
  func changed(
    _ input: StepValues, by changes: Augmentations, using generator: inout RandomGenerator
  ) -> StepValues
}

extension ColumnEncoder {
  /// The baseline does not see it.
  public var bagSize: Int { 0 }
  /// Steps by their numbers; of a single one, what stands in the file.
  public func names(row: Int, of column: Column, shape: [Int]) -> ColumnNames {
    ColumnNames(steps: shape[0] == 1 ? [column.text(row) ?? ""] : (1...max(1, shape[0])).map(String.init))
  }
  /// There are none.
  public func unknown(like input: StepValues) -> StepValues? { nil }
  /// They may not be changed.
  public var content: Augmentation.Content? { nil }
  /// As they are.
  public func changed(
    _ input: StepValues, by changes: Augmentations, using generator: inout RandomGenerator
  ) -> StepValues { input }
}

/// What an explanation calls the values of a row.
public struct ColumnNames: Sendable {
  /// A name for each step.
  public var steps: [String]
  /// Names of what stands at each step, and for each value the place of its name; none where the values are parts of
  /// one thing.
  public var features: [String] = []
  /// For each value the place of its name among ``features``.
  public var places: [Int] = []

  /// Names of steps, whose values are parts of one thing unless it is said of what.
  public init(steps: [String], features: [String] = [], places: [Int] = []) {
    (self.steps, self.features, self.places) = (steps, features, places)
  }
}

/// The values of a column as numbers, those of all rows.
public protocol EncodedColumn: Sendable {
  /// How many rows there are.
  var count: Int { get }
  /// What was mended in reading the values, a line each.
  var notes: [String] { get }
  /// Whether ``batch(_:)`` gives tokens, which an `Embedding` with dropout may read; false unless it says so.
  var holdsTokens: Bool { get }

  /// How many steps the value of a row has; 0 where values have none.
  func length(of row: Int) -> Int

  /// Some rows together: sequences `[B, T]` of tokens or `[B, T, I]` of values, padded, with their lengths; or vectors
  /// `[B, I]`.
  ///
  /// - Throws: ``TrainingError`` where values are read only now and cannot be.
  func batch(_ rows: [Int]) throws(TrainingError) -> StepValues

  /// What the baseline sees of a row: features below ``ColumnEncoder/bagSize``, each at most once.
  func bag(of row: Int) -> [(feature: Int, value: Float)]

  /// Makes sure that all that was asked for could be read, where values are too long for memory.
  func check() throws(DataError)
}

extension EncodedColumn {
  /// Nothing was.
  public var notes: [String] { [] }
  /// It does not.
  public var holdsTokens: Bool { false }
  /// Nothing.
  public func bag(of row: Int) -> [(feature: Int, value: Float)] { [] }
  /// It is in memory.
  public func check() throws(DataError) {}
}

/// The part of a network that reads a column.
public protocol ColumnPart: Module {
  /// How many values it makes of a row.
  var featureSize: Int { get }

  /// What it reads as values, `[B, T, I]` or `[B, I]`: of tokens and categories their vectors.
  func values(of input: StepValues) -> StepValues

  /// What it makes of such values, `[B, featureSize]`.
  ///
  /// - Parameter layers: What calls recurrent layers, and those that weigh steps.
  func callAsFunction(_ values: StepValues, layers: LayerCalls) -> Tensor
}

extension ColumnPart {
  /// The input is values.
  public func values(of input: StepValues) -> StepValues { input }

  /// What it makes of some rows, `[B, featureSize]`.
  public func callAsFunction(_ input: StepValues) -> Tensor { self(values(of: input), layers: LayerCalls()) }
}

/// The kinds of columns there are.
public enum ColumnEncoders {
  /// The kinds; a new one is added here.
  public static let all: [any ColumnEncoder.Type] = [
    TextColumn.self, NumberColumn.self, CategoryColumn.self, RecordingColumn.self, FramesColumn.self,
    SeriesColumn.self,
  ]

  /// The kind of this name, or nil.
  public static func named(_ kind: String) -> (any ColumnEncoder.Type)? { all.first { $0.kind == kind } }

  /// The kind that is surest to be that of a column.
  static func kind(of sample: ColumnSample) -> any ColumnEncoder.Type {
    var best: (kind: any ColumnEncoder.Type, likelihood: Double) = (TextColumn.self, 0)
    for kind in all {
      let likelihood = kind.likelihood(of: sample)
      if likelihood > best.likelihood { best = (kind, likelihood) }
    }
    return best.kind
  }
}

/// What may be said of columns, where it is not left to the data.
public struct ColumnSettings: Codable, Sendable, Equatable {
  /// What texts are cut into; nil is found: characters where texts are single words.
  public var unit: TextUnit?
  /// Whether capital letters count; nil: not in words.
  public var keepsCase: Bool?
  /// The greatest number of tokens; nil is left to the unit.
  public var vocabularySize: Int?
  /// A file of word vectors to begin with.
  public var vectors: String?
  /// The column of times in tables of steps; nil is found by its name, or steps are only counted.
  public var time: String?
  /// What frames of clips are brought into.
  public var frames = FrameFormat()

  /// Everything left to the data.
  public init() {}
}
