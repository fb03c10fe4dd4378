import Refrain
import RefrainData

extension FramePredictor {
  /// What is explained of the frames that follow.
  private struct Output: Sendable {
    var name: String
    /// Which of them; nil is all.
    var frame: Int?
    /// Whether it is how far they are from what followed, and not how bright they are.
    var isError: Bool
  }

  /// How bright the frames that follow are, from 0 to 1, each and all, as a function of the pixels that were seen. Of a
  /// clip that is long enough the last frames are kept back: how far they are missed, as the mean of squares, is
  /// explained too.
  public func explained(
    _ examples: FrameClips, _ request: FrameRequest, _ choice: ExampleChoice
  ) throws(TaskError) -> [ExplainedExample] {
    let places = try choice.places(of: examples.library.count, called: "clip")
    let steps = request.steps ?? plan.horizon
    var explained: [ExplainedExample] = []
    for place in places {
      do throws(DataError) {
        let clip = try examples.library.clip(place)
        try MemoryBudget.current.take(
          shape: [steps, plan.rows, plan.columns, plan.channels, 4 * plan.filters], for: "so many frames")
        explained.append(self.explained(clip, number: place + 1, examples.name(place), steps: steps))
      } catch {
        throw TaskError(error)
      }
    }
    return explained
  }

  private func explained(_ clip: Clip, number: Int, _ name: String, steps: Int) -> ExplainedExample {
    let isFollowed = clip.count >= plan.context + steps
    let end = isFollowed ? clip.count - steps : clip.count
    let start = max(0, end - plan.context)
    let seen = clip[start..<end]
    let truth = isFollowed ? clip[end..<clip.count].tensor : nil
    let (frame, size) = ([clip.rows, clip.columns, clip.channels], clip.frameSize)
    let input = seen.tensor.reshaped([seen.count, size])
    func outputs(_ what: String, isError: Bool) -> [Output] {
      [Output(name: "\(what) of all frames", isError: isError)]
        + (0..<steps).map { Output(name: "\(what) of frame \(end + $0 + 1)", frame: $0, isError: isError) }
    }
    let all = outputs("mean", isError: false) + (isFollowed ? outputs("squared error", isError: true) : [])
    let areas = FrameAreas(rows: clip.rows, columns: clip.columns, channels: clip.channels)
    let stillness = input.slice(seen.count - 1..<seen.count, axis: 0).expanded(to: input.shape)
    let mean = input.mean(axes: [0], keepingAxes: true).expanded(to: input.shape)
    let names = (start..<end).map { "frame \($0 + 1)" }
    var one = ExplainedExample(
      title: "clip \(number) (\(excerpt(name, 60))): frames \(end + 1)–\(end + steps) after "
        + "\(start + 1)–\(end)" + (isFollowed ? ", which the clip has too" : ""),
      input: input, steps: names, features: .grouped(areas.names, places: areas.places), outputs: all.map(\.name),
      baselines: [
        .init("zeros", .zeros(input.shape)), .init("mean", mean), .init("last", stillness),
      ], network: frameNetwork, relevance: .none
    ) { network, inputs, layers, output in
      let asked = all[output]
      let count = asked.frame.map { $0 + 1 } ?? steps
      let frames = inputs.reshaped([inputs.shape[0], inputs.shape[1]] + frame)
      var found = sigmoid(network.logits(frames, steps: count, layers: layers))
      if asked.isError, let truth { found = (found - truth.slice(0..<count, axis: 0)).squared }
      if let place = asked.frame { found = found.slice(place..<place + 1, axis: 1) }
      return found.mean(axes: [1, 2, 3, 4])
    }
    one.frames = [
      ExplainedFrames(name: "The clip", clip: seen, steps: 0..<seen.count, copies: [0..<size])
    ]
    one.rowsAtOnce = max(1, min(32, Self.mostBytes / max(1, plan.exampleBytes)))
    func exhibit(_ name: String, _ title: String, _ clip: Clip) -> Exhibit {
      Exhibit(name, title: title, .frames(names: (0..<steps).map { "frame \(end + $0 + 1)" }, clip))
    }
    one.exhibits = [exhibit("foreseen", "The frames that are foreseen", next(steps, after: seen))]
    if isFollowed { one.exhibits.append(exhibit("followed", "The frames that followed", clip[end..<clip.count])) }
    return one
  }

  /// What the layers keep of inputs that are run at once, in bytes.
  private static let mostBytes = 1 << 28
}
