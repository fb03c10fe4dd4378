import Refrain
import RefrainData

/// Foresees the next frames of clips: learns from clips with layers of convolutional long short-term memories, of which
/// some read what was seen and others go on.
///
///     let clips = try FramePredictor.examples(from: DataSource(paths: ["clips"]), FrameConfiguration())
///     let predictor = try FramePredictor.train(on: clips, FrameConfiguration(), TrainingContext())
///     let next = predictor.next(5, after: clip)  // five frames
public struct FramePredictor: Sendable {
  let plan: FramePlan
  var frameNetwork: FrameNetwork
  let report: FrameReport

  /// The frames that follow those of a clip, which is of the size that was learned.
  ///
  /// - Parameters:
  ///   - steps: How many.
  ///   - clip: What was seen, at least one frame; of more than the model looks at, the last.
  public func next(_ steps: Int, after clip: Clip) -> Clip {
    let seen = clip[max(0, clip.count - plan.context)..<clip.count].tensor
    let frames = sigmoid(frameNetwork.logits(stack([seen], axis: 0), steps: steps)).at(0, axis: 0)
    return Clip(frames, rate: clip.rate)
  }

  /// Goes on with windows of clips, a batch at a time, and measures.
  func measured(_ clips: FrameClips, windows: [FrameWindows.Window]) throws(TrainingError) -> FrameMeasures {
    let source = FrameWindows(clips: clips, windows: windows, context: plan.context, horizon: plan.horizon)
    var measures = FrameMeasures(steps: plan.horizon)
    for start in stride(from: 0, to: windows.count, by: max(1, plan.batchSize)) {
      let batch = try source.batch(Array(start..<min(start + max(1, plan.batchSize), windows.count)))
      let found = sigmoid(frameNetwork.logits(batch.input, steps: plan.horizon))
      measures.add(found, batch.target, last: batch.input.slice(plan.context - 1..<plan.context, axis: 1))
    }
    return measures
  }
}

/// What was found while a frame predictor was trained.
struct FrameReport: Codable, Sendable, Equatable {
  var clips = 0
  var windows = 0
  var heldOut = 0
  var epochs = 0
  var isComplete = true
  var notes: [String] = []
  var evaluation: SavedEvaluation?
}

/// The frames that follow those of a clip.
public struct NextFrames: FileAnswer, Equatable {
  /// The clip, as it was named.
  public let clip: String
  /// How many of its frames were looked at.
  public let seen: Int
  /// What follows.
  public let frames: Clip

  private enum Key: String, CodingKey { case clip, seen, frames, columns, rows, channels }

  /// How many frames there are, and of which size; the frames themselves are written to files.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(clip, forKey: .clip)
    try container.encode(seen, forKey: .seen)
    try container.encode(frames.count, forKey: .frames)
    try container.encode(frames.columns, forKey: .columns)
    try container.encode(frames.rows, forKey: .rows)
    try container.encode(frames.channels, forKey: .channels)
  }

  /// Whether a path names frames: `.npy`, `.gif`, or a folder, which ends in a slash or is there; and movies and
  /// images, which ``write(_:to:)`` refuses.
  public static func isWritten(to path: String) -> Bool { ClipOutput(path) != nil || Clip.isClip(path) }

  /// Writes the frames of one clip, or of several into an array or a folder.
  ///
  /// - Throws: `unwritableFile` for a form that is not written, such as `.mp4`; what writing files throws.
  public static func write(_ answers: [NextFrames], to path: String) throws(DataError) {
    guard let output = ClipOutput(path) else {
      throw DataError(
        .unwritableFile, file: path, "frames are written as .gif, as .npy or as a folder of PNG images",
        remedy: "end the name in .gif, .npy or a slash")
    }
    try output.write(answers.map { (name: $0.clip, clip: $0.frames) }, to: path)
  }
}
