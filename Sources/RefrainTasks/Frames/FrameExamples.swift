import Refrain
import RefrainData

/// Clips that a frame predictor learns from, or answers. Their frames are read when they are wanted.
public struct FrameClips: Sendable {
  /// The clips.
  public let library: ClipLibrary
  /// The frames of each.
  let lengths: [Int]
  /// The rows, columns and channels of all.
  let size: [Int]
  /// What was assumed in reading them, a line each.
  let notes: [String]

  /// What messages call a clip.
  func name(_ number: Int) -> String { library.paths[number] }

  /// Reads each clip once, and makes sure that all are alike.
  ///
  /// - Throws: `noRows` without a clip; what reading clips throws; `wrongInput` where sizes differ.
  init(_ source: DataSource, as format: FrameFormat) throws(DataError) {
    let paths = try Self.paths(source)
    guard !paths.isEmpty else {
      throw DataError(
        .noRows, file: source.parts.first?.name, "there are no clips", remedy: "name a folder of clips, or clips")
    }
    let library = ClipLibrary(paths, as: format)
    var (lengths, notes): ([Int], [String]) = ([], [])
    var first: Clip?
    for number in paths.indices {
      let clip = try library.clip(number)
      if let first, [first.rows, first.columns, first.channels] != [clip.rows, clip.columns, clip.channels] {
        throw DataError(
          .wrongInput, file: paths[number],
          "its frames are \(clip.frameText), and those of the first clip \(first.frameText)",
          remedy: "say which size to bring them to, or make them gray")
      }
      // Of the first only the size is wanted.
      if first == nil { first = clip[0..<1] }
      lengths.append(clip.count)
      notes += clip.notes.map { "\(paths[number]): \($0)" }
    }
    self.library = library
    (self.lengths, self.notes) = (lengths, notes)
    size = first.map { [$0.rows, $0.columns, $0.channels] } ?? []
  }

  /// The clips that a source names.
  private static func paths(_ source: DataSource) throws(DataError) -> [String] {
    var paths: [String] = []
    for part in source.parts {
      guard case .file(let path) = part else {
        throw DataError(.wrongInput, file: part.name, "clips are read from files", remedy: "name a file or a folder")
      }
      paths += try ClipLibrary.paths(in: path)
    }
    return paths
  }
}

/// Parts of clips to learn from: some frames, and those that follow them.
struct FrameWindows: ExampleSource {
  /// Frames that are seen, and those that follow.
  struct Batch: TrainingBatch {
    /// `[B, context, rows, columns, C]`
    let input: Tensor
    /// `[B, horizon, rows, columns, C]`
    let target: Tensor
    var count: Int { input.shape[0] }
  }

  /// A part of a clip by its first frame.
  struct Window: Equatable {
    var clip: Int
    var start: Int
  }

  let clips: FrameClips
  let windows: [Window]
  let context: Int
  let horizon: Int

  var count: Int { windows.count }
  func length(of example: Int) -> Int { context + horizon }

  func batch(_ examples: [Int]) throws(TrainingError) -> Batch {
    var (inputs, targets): ([Tensor], [Tensor]) = ([], [])
    for example in examples {
      let window = windows[example]
      do throws(DataError) {
        let clip = try clips.library.clip(window.clip)
        guard clip.count >= window.start + context + horizon else {
          throw DataError(.unreadableFile, file: clips.name(window.clip), "another program changed the clip")
        }
        let frames = clip[window.start..<window.start + context + horizon].tensor
        inputs.append(frames.slice(0..<context, axis: 0))
        targets.append(frames.slice(context..<context + horizon, axis: 0))
      } catch {
        throw TrainingError(.unreadableData, error.description)
      }
    }
    return Batch(input: stack(inputs, axis: 0), target: stack(targets, axis: 0))
  }
}
