import Refrain
import RefrainData

/// Numbers: scaled to mean 0 and deviation 1, with a sign beside them that one is missing.
public struct NumberColumn: ColumnEncoder {
  public static let kind = "number"
  /// The mean of the numbers that were learned of.
  let mean: Double
  /// Their standard deviation; 1 where they are all the same.
  let deviation: Double

  /// Numbers are sure to be numbers, unless they are few and whole.
  public static func likelihood(of sample: ColumnSample) -> Double {
    guard !sample.holdsFiles, sample.share({ number($0) != nil || isMissing($0) }) > 0.99,
      sample.values.contains(where: { number($0) != nil })
    else { return 0 }
    return 0.9
  }

  public init(learning column: Column, _ settings: ColumnSettings) throws(DataError) {
    var (count, sum, squares) = (0.0, 0.0, 0.0)
    for row in 0..<column.count {
      guard let number = try Self.number(in: column, row: row) else { continue }
      // Welford's update: sums of squares of large numbers would lose their small differences.
      count += 1
      let difference = number - sum
      sum += difference / count
      squares += difference * (number - sum)
    }
    mean = sum
    let deviation = count > 0 ? (squares / count).squareRoot() : 0
    self.deviation = deviation.isNormal ? deviation : 1
  }

  private enum Key: String, CodingKey { case mean, deviation }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    mean = try container.decode(Double.self, forKey: .mean)
    deviation = try container.decode(Double.self, forKey: .deviation)
    guard mean.isFinite, deviation.isNormal, deviation > 0 else {
      throw DecodingError.dataCorruptedError(
        forKey: .deviation, in: container, debugDescription: "numbers cannot be scaled by this mean and deviation")
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(mean, forKey: .mean)
    try container.encode(deviation, forKey: .deviation)
  }

  public func encode(_ column: Column) throws(DataError) -> any EncodedColumn {
    var values = LongArray<Float>()
    for row in 0..<column.count {
      let number = try Self.number(in: column, row: row)
      // Ten deviations are as far as anything: one slip of a finger must not decide alone.
      values.append(number.map { Float(min(max(($0 - mean) / deviation, -10), 10)) } ?? 0)
      values.append(number == nil ? 1 : 0)
    }
    try values.check()
    return VectorColumn(values: values, width: 2)
  }

  public func makePart(_ plan: NetworkPlan, using generator: inout RandomGenerator) -> any ColumnPart {
    VectorPart(featureSize: 2)
  }

  /// The part has none, and the layer after it two for each of its units.
  public func weightCount(_ plan: NetworkPlan) -> Double { 2 * Double(plan.hiddenSize) }
  public var bagSize: Int { 2 }
  public var summary: String { "numbers" }
  public var content: Augmentation.Content? { .numbers }

  public func changed(
    _ input: StepValues, by changes: Augmentations, using generator: inout RandomGenerator
  ) -> StepValues {
    // A missing number has none.
    input.map { changes.changed(numbers: $0, count: 1, isThere: { $0.last == 0 }, using: &generator) }
  }

  /// The number of a row; nil where it is missing.
  static func number(in column: Column, row: Int) throws(DataError) -> Double? {
    guard let text = column.text(row), !isMissing(text) else { return nil }
    guard let number = number(text) else {
      let remedy = withPoint(text).map { "write decimal points: \($0)" }
      var error = column.fault(
        .notANumber, row: row, "\(text.quoted) is not a number",
        remedy: remedy ?? "write a number, or leave the field empty")
      if remedy != nil { error.setting = .decimalComma }
      throw error
    }
    return number
  }

  /// A number with a decimal comma as one with a point; nil for anything else.
  static func withPoint(_ text: String) -> String? {
    guard text.utf8.count(where: { $0 == UInt8(ascii: ",") }) == 1 else { return nil }
    let changed = text.replacing(",", with: ".")
    return plainNumber(changed) == nil ? nil : changed
  }

  /// The number of a text that is one, or can be read as one number only: `$1,234.50`, `12 %`, `−5`, `(3.2)`.
  static func number(_ text: String) -> Double? { plainNumber(text) ?? certainNumber(text) }

  /// The number of a text that is one, with a point before decimals and nothing around it.
  static func plainNumber(_ text: String) -> Double? {
    let trimmed = text.utf8.contains(0x20) ? text.filter { $0 != " " } : text
    // Hexadecimal ones are names, as those of addresses.
    guard let number = Double(trimmed), number.isFinite, trimmed.utf8.first.map({ $0 < 0x40 }) == true,
      !trimmed.utf8.contains(where: { $0 | 0x20 == UInt8(ascii: "x") })
    else { return nil }
    return number
  }

  static func isMissing(_ text: String) -> Bool { isMissingNumber(text) }
}

/// A vector of one size for each row.
struct VectorColumn: EncodedColumn {
  let values: LongArray<Float>
  let width: Int
  var count: Int { values.count / width }

  func length(of row: Int) -> Int { 0 }

  func batch(_ rows: [Int]) throws(TrainingError) -> StepValues {
    let own = rows.flatMap { vector(of: $0) }
    do throws(DataError) { try check() } catch { throw TrainingError(.unreadableData, error.description) }
    return StepValues(Tensor(own, shape: [rows.count, width]))
  }

  func bag(of row: Int) -> [(feature: Int, value: Float)] {
    zip(0..<width, vector(of: row)).filter { $0.1 != 0 }.map { ($0, $1) }
  }

  private func vector(of row: Int) -> ArraySlice<Float> { values.nearby(row * width..<(row + 1) * width) }

  func check() throws(DataError) { try values.check() }
}

/// Passes vectors on.
struct VectorPart: ColumnPart {
  let featureSize: Int

  func forEachTensor<E: Error>(_ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void) throws(E) {}

  func callAsFunction(_ values: StepValues, layers: LayerCalls) -> Tensor { values.values }
}
