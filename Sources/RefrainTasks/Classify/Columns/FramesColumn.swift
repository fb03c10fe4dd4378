import Refrain
import RefrainData

/// Clips by their paths: a frame is seen by convolutions, its features by recurrent layers, frame after frame. Still
/// images are read line by line.
///
/// Frames are as those of the first clip, at most 64 rows and columns, unless a form was asked for; means and
/// deviations are those of the clips that were learned of. Clips that do not fit into memory together are read again
/// when they are wanted.
public struct FramesColumn: ColumnEncoder {
  public static let kind = "frames"
  private let format: FrameFormat
  /// The mean and the deviation of all values.
  private let mean: Float
  private let deviation: Float
  /// Whether all clips have one frame, whose lines are the steps.
  let areStill: Bool

  /// The largest side of a frame, where no size was asked for.
  private static let largestSide = 64
  /// How many frames a clip may have.
  private static let mostFrames = 4096

  private var rows: Int { format.rows ?? 1 }
  private var columns: Int { format.columns ?? 1 }
  private var channels: Int { format.isGray == true ? 1 : 3 }
  /// The rows, columns and channels that frames are brought to.
  var shape: [Int] { [rows, columns, channels] }

  public static func likelihood(of sample: ColumnSample) -> Double {
    0.96 * sample.share { Clip.isClip($0) || sample.holdsFiles && Clip.isFolderOfImages($0) }
  }

  public init(learning column: Column, _ settings: ColumnSettings) throws(DataError) {
    var format = settings.frames
    let library = ClipLibrary(try Self.paths(column), as: format, keeping: 0)
    guard library.count > 0 else {
      throw DataError(.noRows, "the column \(column.name.quoted) has no clips", remedy: "name some")
    }
    let first = try Self.clip(library, 0, column)
    let scale = min(1, Double(Self.largestSide) / Double(max(first.rows, first.columns)))
    let isAsked = format.rows != nil
    format.rows = format.rows ?? max(1, Int((Double(first.rows) * scale).rounded()))
    format.columns = format.columns ?? max(1, Int((Double(first.columns) * scale).rounded()))
    format.isGray = format.isGray ?? (first.channels == 1)
    var (count, sum, squares, longest) = (0.0, 0.0, 0.0, 0)
    for row in 0..<library.count {
      let clip = try Self.clip(library, row, column)
      if !isAsked, [clip.rows, clip.columns] != [first.rows, first.columns] {
        throw Self.placed(
          DataError(
            .wrongInput, file: library.paths[row],
            "its frames are \(clip.frameText), and those of the first clip \(first.frameText)",
            remedy: "say which size to bring them to"), column, row)
      }
      longest = max(longest, clip.count)
      // Two hundred clips say enough of brightness.
      guard row % max(1, library.count / 200) == 0 else { continue }
      for value in clip.formatted(as: format).values {
        let share = Double(value) / 255
        (count, sum, squares) = (count + 1, sum + share, squares + share * share)
      }
    }
    self.format = format
    mean = Float(sum / count)
    deviation = Float(max(0.02, (squares / count - sum / count * sum / count).squareRoot()))
    areStill = longest == 1
  }

  private static func paths(_ column: Column) throws(DataError) -> [String] {
    var paths: [String] = []
    for row in 0..<column.count {
      guard let path = column.path(row) else {
        throw column.fault(.missingValue, row: row, "there is no path", remedy: "name a clip or remove the row")
      }
      paths.append(path)
    }
    return paths
  }

  private static func clip(_ library: ClipLibrary, _ row: Int, _ column: Column) throws(DataError) -> Clip {
    do throws(DataError) {
      let clip = try library.clip(row)
      guard clip.count <= mostFrames else {
        throw DataError(
          .unsupportedContent, file: library.paths[row],
          "the clip has \(clip.count) frames, and at most \(mostFrames) are taken at once",
          remedy: "take fewer a second, or cut it into parts")
      }
      return clip
    } catch {
      throw placed(error, column, row)
    }
  }

  /// The error of a clip, at its row.
  private static func placed(_ error: DataError, _ column: Column, _ row: Int) -> DataError {
    column.holdsFiles
      ? error
      : column.fault(
        error.code, row: row, "\((column.text(row) ?? "").shortened): \(error.problem)", remedy: error.remedy)
  }

  private enum Key: String, CodingKey { case format, mean, deviation, areStill }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    format = try container.decode(FrameFormat.self, forKey: .format)
    mean = try container.decode(Float.self, forKey: .mean)
    deviation = try container.decode(Float.self, forKey: .deviation)
    areStill = try container.decode(Bool.self, forKey: .areStill)
    guard format.fault == nil, let rows = format.rows, let columns = format.columns, rows * columns <= 1 << 22,
      format.isGray != nil, mean.isFinite, deviation.isNormal, deviation > 0
    else {
      throw DecodingError.dataCorruptedError(
        forKey: .format, in: container, debugDescription: "how clips are read cannot be")
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(format, forKey: .format)
    try container.encode(mean, forKey: .mean)
    try container.encode(deviation, forKey: .deviation)
    try container.encode(areStill, forKey: .areStill)
  }

  public func encode(_ column: Column) throws(DataError) -> any EncodedColumn {
    let library = ClipLibrary(try Self.paths(column), as: format)
    var (lengths, notes): ([Int], [String]) = ([], [])
    lengths.reserveCapacity(library.count)
    for row in 0..<library.count {
      let clip = try Self.clip(library, row, column)
      if areStill, clip.count > 1 {
        throw Self.placed(
          DataError(
            .wrongInput, file: library.paths[row], "a clip of \(clip.count) frames, and the training had images",
            remedy: "name an image"), column, row)
      }
      lengths.append(clip.count)
      notes += clip.notes.map { "\((column.text(row) ?? library.paths[row]).shortened): \($0)" }
    }
    return ClipValues(
      library: library, lengths: lengths, notes: notes, mean: mean, deviation: deviation, frameSize: rows * columns)
  }

  public func makePart(_ plan: NetworkPlan, using generator: inout RandomGenerator) -> any ColumnPart {
    FramesPart(plan, shape: shape, areStill: areStill, using: &generator)
  }

  public func weightCount(_ plan: NetworkPlan) -> Double {
    FramesPart.weightCount(plan, shape: shape, areStill: areStill)
  }

  public func names(row: Int, of column: Column, shape: [Int]) -> ColumnNames {
    let areas = FrameAreas(rows: areStill ? 1 : rows, columns: columns, channels: channels)
    return ColumnNames(
      steps: (0..<shape[0]).map { "\(areStill ? "line" : "frame") \($0 + 1)" }, features: areas.names,
      places: areas.places)
  }

  /// The frames whose values a network reads, `[1, T, I]`, with the steps and the values that they are among others.
  func frames(_ name: String, _ values: Tensor, steps: Range<Int>, copies: [Range<Int>]) -> ExplainedFrames {
    let shares = values.reshaped([values.count / (rows * columns * channels), rows, columns, channels])
    return ExplainedFrames(name: name, clip: Clip(shares * deviation + mean), steps: steps, copies: copies)
  }

  public var content: Augmentation.Content? { .frames }

  public func changed(
    _ input: StepValues, by changes: Augmentations, using generator: inout RandomGenerator
  ) -> StepValues { changes.changed(frames: input, using: &generator) }

  public var summary: String {
    "\(areStill ? "images" : "clips"), \(columns) × \(rows), \(channels == 1 ? "gray" : "colored")"
  }
}

/// Clips, of which the frames of a batch alone become numbers.
private struct ClipValues: EncodedColumn {
  let library: ClipLibrary
  let lengths: [Int]
  let notes: [String]
  let mean: Float
  let deviation: Float
  let frameSize: Int
  var count: Int { lengths.count }

  /// So many steps as a text would have that costs as much memory.
  func length(of row: Int) -> Int { lengths[row] * max(1, frameSize / 256) }

  /// `[B, T, rows, columns, C]`
  func batch(_ rows: [Int]) throws(TrainingError) -> StepValues {
    let longest = rows.reduce(1) { max($0, lengths[$1]) }
    let shares = (0...255).map { (Float($0) / 255 - mean) / deviation }
    var values: [Float] = []
    var shape = [0, 0, 0]
    for row in rows {
      do throws(DataError) {
        let clip = try library.clip(row)
        guard clip.count == lengths[row] else {
          throw DataError(.unreadableFile, file: library.paths[row], "another program changed the clip")
        }
        shape = [clip.rows, clip.columns, clip.channels]
        values += clip.values.lazy.map { shares[Int($0)] }
        values += repeatElement(0, count: (longest - clip.count) * clip.frameSize)
      } catch {
        throw TrainingError(.unreadableData, error.description)
      }
    }
    return StepValues(
      Tensor(values, shape: [rows.count, longest] + shape), steps: Steps(lengths: rows.map { lengths[$0] }))
  }
}

/// Reads clips `[B, T, rows, columns, C]`: convolutions with pooling between them, until few places are left, which
/// make a vector of each frame; then recurrent layers. Of still images the lines that are left are the steps.
private struct FramesPart: ColumnPart {
  /// The rows, columns and channels of a frame.
  private let shape: [Int]
  private var convolutions: [Conv2D]
  /// Whether the greatest of two by two places goes on after each convolution.
  private let pools: [Bool]
  private var dense: [Dense]
  private var sequence: SequencePart
  private let areStill: Bool

  /// The channels of each convolution, whether pooling follows, and the rows, columns and channels that are left.
  private static func stages(_ shape: [Int], areStill: Bool) -> (stages: [(filters: Int, pools: Bool)], left: [Int]) {
    var (rows, columns, stages): (Int, Int, [(Int, Bool)]) = (shape[0], shape[1], [])
    for filters in [16, 32, 64] {
      // Lines of images stay steps of a sequence.
      let pools = min(rows, columns) >= 8 && !(areStill && stages.count >= 2)
      stages.append((filters, pools))
      if pools { (rows, columns) = (rows / 2, columns / 2) }
      if stages.count >= 2, !pools { break }
    }
    return (stages, [rows, columns, stages[stages.count - 1].0])
  }

  init(_ plan: NetworkPlan, shape: [Int], areStill: Bool, using generator: inout RandomGenerator) {
    let (stages, left) = Self.stages(shape, areStill: areStill)
    self.shape = shape
    convolutions = []
    var channels = shape[2]
    for stage in stages {
      convolutions.append(
        Conv2D(channels: channels, filters: stage.filters, kernel: [3, 3], activation: .relu, using: &generator))
      channels = stage.filters
    }
    pools = stages.map(\.pools)
    self.areStill = areStill
    dense = []
    if !areStill {
      dense = [
        Dense(inputSize: left.reduce(1, *), outputSize: 2 * plan.hiddenSize, activation: .relu, using: &generator)
      ]
    }
    sequence = SequencePart(
      plan, inputSize: areStill ? left[1] * left[2] : 2 * plan.hiddenSize, using: &generator)
  }

  var featureSize: Int { sequence.featureSize }

  mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try convolutions.forEachTensor(under: "convolution", body)
    try dense.forEachTensor(under: "dense", body)
    try sequence.forEachTensor(under: "sequence", body)
  }

  /// Frames as steps of pixels, `[B, T, rows · columns · C]`; of still images the lines.
  func values(of input: StepValues) -> StepValues {
    let (batch, time) = (input.values.shape[0], input.values.shape[1])
    return areStill
      ? StepValues(input.values.reshaped([batch, shape[0], shape[1] * shape[2]]))
      : input.map { $0.reshaped([batch, time, shape.reduce(1, *)]) }
  }

  func callAsFunction(_ input: StepValues, layers: LayerCalls) -> Tensor {
    let (batch, time) = (input.values.shape[0], areStill ? 1 : input.values.shape[1])
    // Only frames that are there are seen.
    let lengths = input.steps.lengths ?? Array(repeating: time, count: batch)
    let places = (0..<batch).flatMap { row in (0..<lengths[row]).map { row * time + $0 } }
    var images = input.values.reshaped([batch * time, shape.reduce(1, *)])
    if places.count < batch * time { images = images.gatheringRows(places) }
    images = images.reshaped([places.count] + shape)
    for (layer, pools) in zip(convolutions, pools) {
      images = layer(images)
      if pools { images = Pooling2D(.maximum, size: [2, 2])(images) }
    }
    let left = images.shape
    if areStill {
      return sequence(StepValues(images.reshaped([batch, left[1], left[2] * left[3]])), layers: layers)
    }
    var features = images.reshaped([places.count, left.dropFirst().reduce(1, *)])
    for layer in dense { features = layer(features) }
    if places.count < batch * time { features = features.scatteringRows(to: places, count: batch * time) }
    let steps = StepValues(features.reshaped([batch, time, features.shape[1]]), steps: Steps(lengths: lengths))
    return sequence(steps, layers: layers)
  }

  /// About how many weights such a part has.
  static func weightCount(_ plan: NetworkPlan, shape: [Int], areStill: Bool) -> Double {
    let (stages, left) = stages(shape, areStill: areStill)
    var (sum, channels) = (0.0, Double(shape[2]))
    for stage in stages {
      sum += (9 * channels + 1) * Double(stage.filters)
      channels = Double(stage.filters)
    }
    let places = left.reduce(1.0) { $0 * Double($1) }
    let width = areStill ? left[1] * left[2] : 2 * plan.hiddenSize
    return sum + (areStill ? 0 : (places + 1) * Double(width)) + SequencePart.weightCount(plan, inputSize: width)
  }
}
