import Refrain
import RefrainData

/// Recordings by their paths: levels in the filters of the mel scale, two frames of 10 ms a step, less their means over
/// all recordings that were learned of, over their deviations; then recurrent layers. What is loud or high in all of a
/// recording stays so: it may say who speaks.
public struct RecordingColumn: ColumnEncoder {
  public static let kind = "audio"
  let encoding: SoundEncoding
  private let means: [Float]
  private let deviations: [Float]
  let stacking: Int

  /// How long a recording may be, in seconds.
  static let longest = 120.0

  public static func likelihood(of sample: ColumnSample) -> Double {
    0.95 * sample.shareOfFiles(endingIn: Set(SoundEncoding.endings))
  }

  public init(learning column: Column, _ settings: ColumnSettings) throws(DataError) {
    stacking = 2
    var encoding: SoundEncoding?
    var moments: FeatureMoments?
    for row in 0..<column.count {
      let path = try Self.path(column, row)
      do throws(DataError) {
        let known: SoundEncoding
        if let encoding { known = encoding } else { known = try SoundEncoding(choosingFor: path) }
        encoding = known
        var sums = moments ?? FeatureMoments(width: known.width)
        sums.add(try known.frames(path, longest: Self.longest).frames)
        moments = sums
      } catch {
        throw Self.placed(error, column, row)
      }
    }
    guard let encoding, let moments else {
      throw DataError(.noRows, "the column \(column.name.quoted) has no recordings", remedy: "name some")
    }
    self.encoding = encoding
    (means, deviations) = (moments.means, moments.deviations.map { max($0, 1e-5) })
  }

  private static func path(_ column: Column, _ row: Int) throws(DataError) -> String {
    guard let path = column.path(row) else {
      throw column.fault(.missingValue, row: row, "there is no path", remedy: "name a recording or remove the row")
    }
    return path
  }

  /// The error of a recording, at its row.
  private static func placed(_ error: DataError, _ column: Column, _ row: Int) -> DataError {
    column.holdsFiles
      ? error
      : column.fault(
        error.code, row: row, "\((column.text(row) ?? "").shortened): \(error.problem)", remedy: error.remedy)
  }

  private enum Key: String, CodingKey { case encoding, means, deviations, stacking }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    encoding = try container.decode(SoundEncoding.self, forKey: .encoding)
    means = try container.decode([Float].self, forKey: .means)
    deviations = try container.decode([Float].self, forKey: .deviations)
    stacking = try container.decode(Int.self, forKey: .stacking)
    guard encoding.fault == nil, means.count == encoding.width, deviations.count == encoding.width,
      (1...16).contains(stacking), deviations.allSatisfy({ $0.isNormal && $0 > 0 }), means.allSatisfy(\.isFinite)
    else {
      throw DecodingError.dataCorruptedError(
        forKey: .encoding, in: container, debugDescription: "how recordings are read cannot be")
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(encoding, forKey: .encoding)
    try container.encode(means, forKey: .means)
    try container.encode(deviations, forKey: .deviations)
    try container.encode(stacking, forKey: .stacking)
  }

  public func encode(_ column: Column) throws(DataError) -> any EncodedColumn {
    var recordings = StepRows(width: encoding.width * stacking)
    var notes: [String] = []
    for row in 0..<column.count {
      let path = try Self.path(column, row)
      do throws(DataError) {
        let (frames, mended) = try encoding.frames(path, longest: Self.longest)
        notes += mended.map { "\((column.text(row) ?? path).shortened): \($0)" }
        recordings.append(normalized(frames).stacked(stacking).values)
      } catch {
        throw Self.placed(error, column, row)
      }
    }
    try recordings.check()
    return RecordingValues(recordings: recordings, notes: notes)
  }

  /// Rows less the means over all recordings that were learned of, over their deviations.
  func normalized(_ frames: FeatureFrames) -> FeatureFrames {
    frames.normalized(means: means, deviations: deviations)
  }

  public func makePart(_ plan: NetworkPlan, using generator: inout RandomGenerator) -> any ColumnPart {
    SequencePart(plan, inputSize: encoding.width * stacking, using: &generator)
  }

  public func weightCount(_ plan: NetworkPlan) -> Double {
    SequencePart.weightCount(plan, inputSize: encoding.width * stacking)
  }

  public func names(row: Int, of column: Column, shape: [Int]) -> ColumnNames {
    encoding.names(steps: shape[0], stacking: stacking)
  }

  public var summary: String { "recordings, \(encoding.summary)" }
  public var content: Augmentation.Content? { .recordings }

  public func changed(
    _ input: StepValues, by changes: Augmentations, using generator: inout RandomGenerator
  ) -> StepValues { changes.changed(recordings: input, encoding: encoding, using: &generator) }
}

extension SoundEncoding {
  /// What an explanation calls the frames of a recording, so many to a step, and the features of each.
  func names(steps: Int, stacking: Int) -> ColumnNames {
    let seconds = period * Double(stacking)
    return ColumnNames(
      steps: (0..<steps).map { "\((Double($0) * seconds * 100).rounded() / 100) s" },
      features: names, places: (0..<width * stacking).map { $0 % width })
  }
}

private struct RecordingValues: EncodedColumn {
  let recordings: StepRows
  let notes: [String]
  var count: Int { recordings.count }

  func length(of row: Int) -> Int { recordings.length(of: row) }

  func batch(_ rows: [Int]) throws(TrainingError) -> StepValues { try recordings.batch(rows, least: 0) }

  func check() throws(DataError) { try recordings.check() }
}
