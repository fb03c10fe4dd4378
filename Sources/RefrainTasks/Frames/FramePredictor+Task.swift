import Refrain
import RefrainData

extension FramePredictor: TaskModel {
  /// The word on the command line.
  public static let name = "frames"
  /// Its measures.
  public static let measures: [TaskMeasure] = [
    .less("meanSquaredError"), .more("structuralSimilarity"), .less("meanAbsoluteError"),
    .less("squaredErrorOfFrame"),
  ]
  /// They are.
  public static let savesTraining = true
  /// Noise on the frames that are seen.
  public static let augmentations: [Augmentation.Kind] = [.noise]
  /// What the task does.
  public static let purpose = "Foresee the next frames of clips."

  /// Clips: files, folders of images, folders of these.
  public static func examples(
    from source: DataSource, _ configuration: FrameConfiguration
  ) throws(DataError) -> FrameClips { try FrameClips(source, as: configuration.format) }

  /// Clips whose frames are brought into the form that was learned.
  public func examples(from source: DataSource, _ request: FrameRequest) throws(DataError) -> FrameClips {
    try FrameClips(source, as: plan.format)
  }

  /// What was mended in clips.
  public static func notes(of examples: FrameClips) -> [String] { examples.notes }

  /// Learns; see ``FramePredictor``.
  public static func train(
    on examples: FrameClips, _ configuration: FrameConfiguration, _ context: TrainingContext
  ) throws(TaskError) -> FramePredictor { try trained(on: examples, configuration, context) }

  /// The frames that follow each clip.
  public func predict(_ examples: FrameClips, _ request: FrameRequest) throws(TaskError) -> [NextFrames] {
    try answers(examples, 0..<examples.library.count, request)
  }

  /// The frames that follow each clip of a share.
  public func predict(
    _ examples: FrameClips, _ request: FrameRequest, share: ExampleShare
  ) throws(TaskError) -> [NextFrames]? {
    try share.places(of: examples.library.count).map { places throws(TaskError) in
      try answers(examples, places, request)
    }
  }

  private func answers(
    _ examples: FrameClips, _ clips: Range<Int>, _ request: FrameRequest
  ) throws(TaskError) -> [NextFrames] {
    var answers: [NextFrames] = []
    for number in clips {
      do throws(DataError) {
        let clip = try examples.library.clip(number)
        answers.append(
          NextFrames(
            clip: examples.name(number), seen: min(clip.count, plan.context),
            frames: try next(steps: request.steps, after: clip)))
      } catch {
        throw TaskError(error.description)
      }
    }
    return answers
  }

  /// The frames that follow those of a clip.
  ///
  /// - Parameter steps: How many; nil is as many as were learned.
  /// - Throws: `overMemoryBudget`.
  package func next(steps: Int?, after clip: Clip) throws(DataError) -> Clip {
    let steps = steps ?? plan.horizon
    try MemoryBudget.current.take(
      shape: [steps, plan.rows, plan.columns, plan.channels, 4 * plan.filters], for: "so many frames")
    return next(steps, after: clip)
  }

  /// How many frames are looked at.
  package var context: Int { plan.context }
  /// The rows, columns and channels of a frame.
  package var frameShape: [Int] { [plan.rows, plan.columns, plan.channels] }

  /// How far the frames are from those that followed, beside the last frame that was seen, repeated.
  public func evaluate(on examples: FrameClips, _ request: FrameRequest) throws(TaskError) -> TaskEvaluation {
    let size = plan.context + plan.horizon
    let windows = examples.lengths.enumerated().flatMap { clip, length in
      stride(from: 0, through: length - size, by: size).map { FrameWindows.Window(clip: clip, start: $0) }
    }
    guard !windows.isEmpty else {
      throw TaskError(
        "no clip has \(size) frames, \(plan.context) to be seen and \(plan.horizon) to follow",
        remedy: "name longer clips")
    }
    do throws(TrainingError) {
      return try measured(examples, windows: windows).evaluation
    } catch {
      throw TaskError(error.description)
    }
  }

  /// The measures on the parts that were kept aside.
  public var evaluation: TaskEvaluation? { report.evaluation?.evaluation(of: Self.name) }

  /// Whether training went to its end.
  public var isComplete: Bool { report.isComplete }

  /// What is seen, what follows, by which network.
  public var facts: [(name: String, value: String)] {
    [
      ("Frames", "\(plan.columns) × \(plan.rows), \(plan.channels == 1 ? "gray" : "colored")"),
      ("Foresees", "\(plan.horizon) frames from \(plan.context)"),
      (
        "Model",
        "conv-lstm, \(plan.layers) layers that read and as many that go on, \(plan.filters) channels, "
          + "kernels of \(plan.kernel) × \(plan.kernel), squares of \(plan.patch) × \(plan.patch), "
          + "\(frameNetwork.parameterCount) parameters, seed \(plan.seed)"
      ),
      ("Examples", "\(report.windows) parts of \(report.clips) clips, and \(report.heldOut) kept aside"),
    ] + report.notes.prefix(20).map { ("Note", $0) }
  }
}

/// What may be decided before a frame predictor is trained.
public struct FrameConfiguration: TaskConfiguration, Equatable {
  /// What frames are brought into.
  public var format = FrameFormat()
  /// How many frames are seen; nil is ten, or fewer of short clips.
  public var context: Int?
  /// How many follow; nil is ten, or fewer of short clips.
  public var horizon: Int?
  /// The side of the squares that are seen as one place each; nil is chosen by the size.
  public var patch: Int?
  /// The rows and columns of a kernel, an odd number; nil is 3.
  public var kernel: Int?
  /// Parts of clips in a step of training; nil is chosen by how many there are.
  public var batchSize: BatchSize?
  /// The channels of each layer; nil is 32.
  public var hidden: Int?
  /// The layers that read, and those that go on; nil is 2.
  public var layers: Int?
  /// Passes through the clips; nil is chosen by how many there are.
  public var epochs: Int?
  /// What all random choices follow from.
  public var seed: UInt64 = 0

  /// Everything left to the clips.
  public init() {}

  /// The options as they are typed.
  public static let options: [TaskOption<Self>] =
    FrameFormat.options.map { $0.within(\.format).ofReading() } + [
      .count(
        "context", \.context, in: 1...4096, help: "How many frames are seen. (default: 10, or fewer of short clips)"),
      .count(
        "steps", \.horizon, in: 1...4096, help: "How many frames follow. (default: 10, or fewer of short clips)"
      ).ofMeasure(),
      .count(
        "patch", \.patch, in: 1...64,
        help: "The side of the squares that are seen as one place each. (default: from the size)"),
      TaskOption("kernel", .value, valueName: "n", help: "The rows and columns of a kernel, odd. (default: 3)") {
        configuration, texts throws(OptionError) in
        guard let size = Int(texts[0]), (1...31).contains(size), size % 2 == 1 else {
          throw OptionError(option: "kernel", "takes an odd number up to 31, not \(texts[0].quoted)")
        }
        configuration.kernel = size
      },
      .batchSize(\.batchSize, of: "parts of clips", in: 1...4096, usually: "at most 8"),
    ]

  /// That of the layers, which are convolutional long short-term memories.
  public static let cells = [ConvLSTMCell.name]

  /// Takes all but a cell and a dropout: the layers are convolutional long short-term memories.
  public mutating func choose(_ options: SharedOptions) throws(TaskError) {
    if let cell = options.cell, cell != ConvLSTMCell.name {
      throw TaskError("the cell is \(ConvLSTMCell.name), and not \(cell)", remedy: "leave it out")
    }
    if options.dropout ?? 0 != 0 { throw TaskError("a frame predictor has no dropout", remedy: "leave it out") }
    if let layers = options.layers { self.layers = layers }
    if let hidden = options.hidden { self.hidden = hidden }
    if let epochs = options.epochs { self.epochs = epochs }
    if let seed = options.seed { self.seed = seed }
  }
}

/// What may be asked of a frame predictor besides clips.
public struct FrameRequest: TaskRequest, Equatable {
  /// How many frames follow; nil is as in the training.
  public var steps: Int?

  /// Everything as in the training.
  public init() {}

  /// The options as they are typed.
  public static let options: [TaskOption<Self>] = [
    .count("steps", \.steps, in: 1...10_000, help: "How many frames follow. (default: as in the training)")
  ]
}
