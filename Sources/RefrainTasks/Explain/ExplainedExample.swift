import Refrain
import RefrainData

/// What a task gives of an example to be explained: its network as a function of one array, and names for what goes in
/// and comes out.
///
///     ExplainedExample(
///       title: "review 3", input: embedded, steps: words, features: .parts, outputs: classes, network: network
///     ) { network, inputs, layers in network.scores(of: inputs, layers: layers) }
///
/// Everything else (attributions, what gates did, whether it is true) follows from that.
public struct ExplainedExample: Sendable {
  /// What the values at one step are.
  public enum Features: Sendable, Equatable {
    /// Quantities of their own, with names: columns, channels, frequencies.
    case named([String])
    /// Parts of several things, each of which means something only as a whole: the things' names, and for each of the
    /// I values the place of its thing among them.
    case grouped([String], places: [Int])
    /// Parts of one thing, such as an embedding of a word, which mean something only together.
    case parts

    /// The names of what is shown; none of parts.
    var names: [String] {
      switch self {
      case .named(let names), .grouped(let names, _): names
      case .parts: []
      }
    }

    /// How many values there are at a step; nil where any number will do.
    var size: Int? {
      switch self {
      case .named(let names): names.count
      case .grouped(_, let places): places.count
      case .parts: nil
      }
    }

    /// Values `[T, I]` as they are shown: `[T, names]`, of parts `[T, 1]`.
    func shown(_ values: Tensor) -> Tensor {
      switch self {
      case .named: return values
      case .parts: return values.sum(axes: [1], keepingAxes: true)
      case .grouped(let names, let places):
        let (all, time, width) = (values.values, values.shape[0], names.count)
        var sums = [Float](repeating: 0, count: time * width)
        for step in 0..<time {
          for (column, place) in places.enumerated() { sums[step * width + place] += all[step * places.count + column] }
        }
        return Tensor(sums, shape: [time, width])
      }
    }

    /// The columns that make up each thing.
    func columns(of size: Int) -> [[Int]] {
      switch self {
      case .named: return (0..<size).map { [$0] }
      case .parts: return [Array(0..<size)]
      case .grouped(let names, let places):
        var columns = [[Int]](repeating: [], count: names.count)
        for (column, place) in places.enumerated() { columns[place].append(column) }
        return columns
      }
    }

    /// What a unit's state may follow, `[T, names]`: quantities, and the first value of things of few; others are 0.
    func followed(_ input: Tensor) -> Tensor? {
      guard self != .parts else { return nil }
      let (all, time, size) = (input.values, input.shape[0], input.shape[1])
      let columns = columns(of: size)
      return Tensor(
        (0..<time).flatMap { step in
          columns.map { $0.count <= Self.few ? all[step * size + $0[0]] : 0 }
        }, shape: [time, columns.count])
    }

    /// So many values may be a quantity and what is said of it, such as whether it is there.
    private static let few = 3
  }

  /// Of what relevance is found: something linear in what recurrent layers say.
  public enum Relevance<Network>: Sendable {
    /// The score.
    case ofScore
    /// Something near it, under its name.
    case of(
      String, @Sendable (_ network: Network, _ inputs: Tensor, _ layers: LayerCalls, _ output: Int) -> Tensor)
    /// Nothing: a layer on the way has no rule.
    case none
  }

  /// What input is compared with.
  public struct Baseline: Sendable {
    /// A word for it, such as `zeros`.
    public var name: String
    /// Of the input's shape.
    public var values: Tensor

    /// A baseline under its name.
    public init(_ name: String, _ values: Tensor) {
      self.name = name
      self.values = values
    }
  }

  /// A line that says which example it is.
  public var title: String
  /// What goes into the network, `[T, I]`: of tokens their embeddings.
  public var input: Tensor
  /// A name for each of the T steps: a time, a token, a second.
  public var steps: [String]
  /// What the I values at a step are.
  public var features: Features
  /// Names of the numbers that come out; the first is explained unless another is asked for.
  public var outputs: [String]
  /// What the input may be compared with; the first is taken unless another is asked for.
  public var baselines: [Baseline]

  /// What has to be known before all else, such as that the network has no part in the answer; empty where nothing is.
  public var remark = ""

  /// What scores are counted in, such as `the unit of sales`; nil where they are numbers without one, or where names of
  /// outputs say it.
  public var unit: String?

  /// What is shown beside the attributions.
  public var exhibits: [Exhibit] = []

  /// What of the input is frames.
  public var frames: [ExplainedFrames] = []

  /// How many inputs are run at once, where each takes much memory and time; nil leaves it to the methods.
  var rowsAtOnce: Int?

  /// The steps that a recurrent level goes through, by the name that its layer is called by; nil is all of them.
  var stepsOfLevel: @Sendable (_ name: String) -> Range<Int>? = { _ in nil }

  /// From `[N, T, I]` to `[N]`.
  private let run: @Sendable (_ inputs: Tensor, _ layers: LayerCalls, _ output: Int) -> Tensor
  private let hasRelevance: Bool
  /// What relevance is of where it is not the score.
  let relevanceSubject: String?
  private let relevanceOf: @Sendable (_ input: Tensor, _ output: Int) -> Attribution
  private let withWeights: @Sendable (_ seed: UInt64) -> ExplainedExample

  /// An example of a network that says all outputs at once.
  ///
  /// - Parameters:
  ///   - title: A line that says which example it is.
  ///   - input: What goes into the network, `[T, I]`.
  ///   - steps: A name for each step.
  ///   - features: What the values at a step are.
  ///   - outputs: Names of the numbers that come out.
  ///   - baselines: What the input may be compared with; nil takes zeros, and the mean over the steps.
  ///   - network: What computes.
  ///   - run: The outputs `[N, outputs]` of a network for inputs `[N, T, I]`, differentiable, each row from its own
  ///     input alone. Recurrent layers are to be called by `layers`, as in a `TracedNetwork`.
  public init<Network: Module>(
    title: String, input: Tensor, steps: [String], features: Features, outputs: [String],
    baselines: [Baseline]? = nil, network: Network,
    run: @escaping @Sendable (_ network: Network, _ inputs: Tensor, _ layers: LayerCalls) -> Tensor
  ) {
    self.init(
      title: title, input: input, steps: steps, features: features, outputs: outputs, baselines: baselines,
      network: network
    ) { network, inputs, layers, output in run(network, inputs, layers).at(output, axis: 1) }
  }

  /// An example of a network of which one output is asked for at a time, where all together would be too many.
  ///
  /// - Parameters:
  ///   - relevance: Of what relevance is found.
  ///   - score: One output `[N]` of a network for inputs `[N, T, I]`; otherwise as for ``run`` of the other.
  public init<Network: Module>(
    title: String, input: Tensor, steps: [String], features: Features, outputs: [String],
    baselines: [Baseline]? = nil, network: Network, relevance: Relevance<Network> = .ofScore,
    score: @escaping @Sendable (_ network: Network, _ inputs: Tensor, _ layers: LayerCalls, _ output: Int) -> Tensor
  ) {
    precondition(
      input.rank == 2 && input.shape[0] == steps.count && !outputs.isEmpty,
      "an input of shape \(input.shape) with \(steps.count) steps and \(outputs.count) outputs cannot be explained")
    precondition(
      features.size ?? input.shape[1] == input.shape[1],
      "\(features.size ?? 0) names for \(input.shape[1]) features")
    self.title = title
    self.input = input
    self.steps = steps
    self.features = features
    self.outputs = outputs
    let mean = input.mean(axes: [0], keepingAxes: true).expanded(to: input.shape)
    let all = baselines ?? [Baseline("zeros", .zeros(input.shape)), Baseline("mean", mean)]
    self.baselines = all
    let linear: @Sendable (Network, Tensor, LayerCalls, Int) -> Tensor
    switch relevance {
    case .ofScore: (linear, hasRelevance, relevanceSubject) = (score, true, nil)
    case .of(let subject, let function): (linear, hasRelevance, relevanceSubject) = (function, true, subject)
    case .none: (linear, hasRelevance, relevanceSubject) = (score, false, nil)
    }
    run = { inputs, layers, output in score(network, inputs, layers, output) }
    relevanceOf = { input, output in
      var twins = LayerCalls { layer, _, input in layer.twinOrSelf(input) }
      twins.passesRelevance = true
      return .relevance(of: network, at: input) { [twins] network, inputs in linear(network, inputs, twins, output) }
    }
    withWeights = { seed in
      ExplainedExample(
        title: title, input: input, steps: steps, features: features, outputs: outputs, baselines: all,
        network: network.permuted(seed: seed), relevance: relevance, score: score)
    }
  }

  /// The score of one output.
  func score(of output: Int) -> Attribution.Score {
    { [run, rowsAtOnce] inputs in
      let count = inputs.shape[0]
      guard let rowsAtOnce, count > rowsAtOnce else { return run(inputs, LayerCalls(), output) }
      return concatenate(
        stride(from: 0, to: count, by: rowsAtOnce).map { start in
          run(inputs.slice(start..<min(start + rowsAtOnce, count), axis: 0), LayerCalls(), output)
        }, axis: 0)
    }
  }

  /// Relevance for one output.
  func relevance(of output: Int) -> Attribution { relevanceOf(input, output) }

  /// The same example with a network whose weights are mixed up.
  func randomized(seed: UInt64) -> ExplainedExample {
    var example = withWeights(seed)
    example.rowsAtOnce = rowsAtOnce
    return example
  }

  /// The recurrent levels with what they did, and whether each has a twin for relevance.
  func inspections() -> (levels: [(name: String, level: LayerInspection)], haveTwins: Bool) {
    let seen = Seen()
    let calls = LayerCalls { layer, name, input in
      if let layer = layer as? any InspectedLayer {
        seen.levels += layer.inspections(of: input, steps: Steps()).map { (name, $0) }
      }
      if !(layer is any RelevanceLayer) { seen.haveTwins = false }
      return layer(input)
    }
    _ = run(stack([input]), calls, 0)
    return (seen.levels, hasRelevance && seen.haveTwins && !seen.levels.isEmpty)
  }

  /// How much of the outputs is there because recurrent layers begin with a state that is not zero, with the baseline
  /// as the input: what the state says by itself.
  func initialStateShare(of output: Int, baseline: Tensor) -> Float {
    let fromZero = LayerCalls { layer, _, input in
      func scan(_ layer: some RecurrentLayer) -> Tensor { layer.fromZeroState(input) }
      return (layer as? any RecurrentLayer).map { scan($0) } ?? layer(input)
    }
    let inputs = stack([baseline])
    return run(inputs, LayerCalls(), output).values[0] - run(inputs, fromZero, output).values[0]
  }

  private final class Seen {
    var levels: [(name: String, level: LayerInspection)] = []
    var haveTwins = true
  }
}

extension RecurrentLayer {
  /// What the layer gives when it begins with zeros.
  fileprivate func fromZeroState(_ input: Tensor) -> Tensor {
    var memory = initialMemory(batch: input.shape[0])
    memory = memory.mapTensors { .zeros($0.shape) }
    return self(input, steps: Steps(), memory: &memory)
  }
}

extension Module {
  /// The same tensors, the values of each in a random order.
  fileprivate func permuted(seed: UInt64) -> Self {
    var generator = RandomGenerator(seed: seed)
    return mapTensors { tensor in
      let values = tensor.values
      return Tensor(generator.permutation(values.count).map { values[$0] }, shape: tensor.shape)
    }
  }
}
