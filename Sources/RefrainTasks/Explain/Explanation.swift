import Refrain
import RefrainData

/// Why a network says what it says of an example, by several methods, with how far each can be trusted.
///
/// Attributions are no causes: they say what this network made of this input.
public struct Explanation: Sendable {
  /// The parts by one method.
  public struct Parts: Sendable {
    /// Its name for programs, such as `integratedGradients`.
    public var method: String
    /// Its name for people.
    public var title: String
    /// The part of each value, `[T, I]`; of features that mean something only together, and of methods that take steps
    /// as a whole, `[T, 1]`.
    public var values: Tensor
    /// The score less the baseline's less all parts; nil for methods that do not add up.
    public var gap: Float?
    /// What it explains where that is not the score itself.
    public var subject: String?
    /// Parts that belong to no value.
    public var others: [(name: String, value: Float)]

    /// The part of each step.
    public var steps: [Float] { values.sum(axes: [1]).values }
  }

  /// A recurrent level.
  public struct Level: Sendable {
    /// A name such as `recurrent, level 2, backward`.
    public var name: String
    /// The cell.
    public var cell: String
    /// A name for each step that it goes through.
    public var steps: [String]
    /// Gates by name, each `[T, H]`, and the state's tensors.
    public var gates: [(name: String, value: Tensor)]
    /// The tensors of the state by name, `[T, H]` each.
    public var states: [(name: String, value: Tensor)]
    /// What each unit does.
    public var units: [UnitStatistics]

    /// The state that has a value for every unit, `[T, H]`: what is shown as its memory.
    public var memory: (name: String, value: Tensor)? { LayerInspection.memory(among: states) }
  }

  /// Frames of the input with the parts of their pixels.
  public struct Pictures: Sendable {
    /// What they are called.
    public var name: String
    /// The frames.
    public var clip: Clip
    /// A name for each of them.
    public var names: [String]
    /// The part of each pixel `[frames, rows, columns]`, by the names of the methods that tell pixels apart.
    public var parts: [(method: String, values: Tensor)]
    /// For each pixel `[1, rows, columns]` by how much the score falls without its area in all frames.
    public var withoutArea: Tensor?
  }

  /// Which example.
  public var title: String
  /// What has to be known before all else, such as that the network has no part in the answer; empty where nothing is.
  public var remark = ""
  /// A name for each step.
  public var steps: [String]
  /// A name for each feature; none where only steps mean something.
  public var features: [String]
  /// What goes in, `[T, I]`.
  public var input: Tensor
  /// Which output is explained.
  public var output: String
  /// The output for the input.
  public var score: Float
  /// What the score is counted in, such as `the unit of sales`; nil where it is a number without one, or where the
  /// output says it.
  public var unit: String?
  /// The output for the baseline: what the network says without being told anything.
  public var baselineScore: Float
  /// What the input is compared with.
  public var baseline: String
  /// The part of ``baselineScore`` that comes from an initial state that is not zero.
  public var initialStateShare: Float
  /// The methods, the first being the one that is tested.
  public var methods: [Parts]
  /// By how much the score falls without each feature; none where only steps mean something.
  public var withoutFeature: [Float]
  /// Whether the first method says what the network does; nil where that cannot be measured.
  public var faithfulness: Faithfulness?
  /// The rank correlation of the first method's steps with those it gives a network of mixed-up weights, the mean of
  /// several: near 0 for a method that looks at the network.
  public var randomizedCorrelation: Float
  /// The rank correlation of the steps by each method with those by the first.
  public var agreement: [(method: String, correlation: Float)]
  /// What the recurrent levels did.
  public var levels: [Level]
  /// What else there is to see.
  public var exhibits: [Exhibit] = []
  /// Frames of the input.
  public var pictures: [Pictures] = []

  /// The name of a method for people.
  package func title(of method: String) -> String { methods.first { $0.method == method }?.title ?? method }

  /// What has to be said where the parts by the first method are far from the difference of the two scores; nil where
  /// they are not.
  package var incompleteness: String? {
    guard let first = methods.first, let gap = first.gap, gap.isFinite else { return nil }
    let difference = score - baselineScore
    guard abs(gap) > 0.1 * abs(difference), abs(gap) > 1e-3 * max(abs(score), abs(baselineScore)) else { return nil }
    return "\(first.title) do not add up: \(HTMLPage.short(Double(gap))) is missing of the "
      + "\(HTMLPage.short(Double(difference))) between the two scores. More points may help; where the network jumps, "
      + "as by whether a value is there, occlusion says more."
  }

  /// Which output is explained, and what it is counted in.
  package var outputAndUnit: String { output + (unit.map { ", in \($0)" } ?? "") }

  /// Whether a network of mixed-up weights gets nearly the same order of steps, so that it says little of what was
  /// learned.
  package var isAsOfRandomWeights: Bool { steps.count > 1 && randomizedCorrelation > 0.5 }

  /// Whether the first method says what the network does, in words.
  package var verdict: String {
    guard let faithfulness else { return Self.unmeasured }
    func short(_ value: Float) -> String { HTMLPage.short(Double(value)) }
    let (out, into) = (faithfulness.deletion.areas, faithfulness.insertion.areas)
    let (falls, rises) = (out.ordered < out.random, into.ordered > into.random)
    let answer =
      !falls && !rises
      ? "Not by these tests" : falls && rises && !isAsOfRandomWeights ? "Yes, as far as these tests go" : "In part"
    return
      "\(answer): taking out the steps with the greatest parts first brings the score down "
      + "\(falls ? "faster" : "no faster") than a random order (mean \(short(out.ordered)), random \(short(out.random))), "
      + "and putting them in first brings it up \(rises ? "faster" : "no faster") (\(short(into.ordered)), random "
      + "\(short(into.random)))." + (isAsOfRandomWeights ? " " + Self.resemblance : "")
  }

  /// What is said where a network of mixed-up weights gets nearly the same order of steps.
  private static let resemblance =
    "But a network of random weights gets nearly the same order: these parts say more of the input than of what was "
    + "learned."

  /// What is said where ``faithfulness`` is nil.
  package static let unmeasured =
    "The score of the input is that of the baseline, or there is one step: nothing can be measured."

  /// What has to be said wherever attributions are shown.
  public static let caution =
    "Attributions say what this network made of this input. They are not causes: they do not say what would happen "
    + "in the world if something were otherwise."
}

extension ExplainedExample {
  /// Explains one output.
  ///
  /// - Parameters:
  ///   - output: Its number among ``outputs``.
  ///   - baseline: The number of the baseline among ``baselines``.
  ///   - points: How many points of the way integrated gradients evaluate.
  ///   - seed: What random orders and weights follow from.
  public func explanation(
    of output: Int = 0, from baseline: Int = 0, points: Int = 50, seed: UInt64 = 0
  ) -> Explanation {
    let (score, chosen) = (score(of: output), baselines[baseline])
    let names = features.names
    let shown = features.shown
    func column(_ values: [Float]) -> Tensor { Tensor(values, shape: [values.count, 1]) }
    // Of very long or large inputs fewer places are tried: what a place is worth is as sure, where it lies is less so.
    let isLong = steps.count > 1000 || frames.contains { $0.clip.values.count > 20_000 }

    let integrated = Attribution.integratedGradients(
      of: score, at: input, from: chosen.values, points: points, rows: rowsAtOnce)
    let gradient = Attribution.gradientTimesInput(of: score, at: input, from: chosen.values)
    let occluded = Attribution.occlusionOfSteps(
      of: score, at: input, by: chosen.values, most: isLong ? 64 : 256)
    var methods = [
      Explanation.Parts(
        method: "integratedGradients", title: "Integrated gradients", values: shown(integrated.values),
        gap: integrated.gap, others: []),
      Explanation.Parts(
        method: "gradientTimesInput", title: "Gradient × input", values: shown(gradient.values), gap: nil, others: []),
      Explanation.Parts(
        method: "occlusion", title: "Occlusion of steps", values: column(occluded), gap: nil, others: []),
    ]
    var whole = [("integratedGradients", integrated.values), ("gradientTimesInput", gradient.values)]
    let (levels, haveTwins) = inspections()
    if haveTwins {
      let relevance = relevance(of: output)
      whole.append(("relevance", relevance.values))
      methods.append(
        Explanation.Parts(
          method: "relevance", title: "Layer-wise relevance", values: shown(relevance.values), gap: relevance.gap,
          subject: relevanceSubject, others: relevance.others))
    }
    let main = methods[0].steps
    let mixed = (1...3).map { number -> Float in
      let other = randomized(seed: seed &+ UInt64(number))
      let steps = Attribution.integratedGradients(
        of: other.score(of: output), at: input, from: chosen.values, points: min(points, isLong ? 8 : 20),
        rows: rowsAtOnce
      ).values.sum(axes: [1]).values
      let correlation = RankCorrelation.spearman(main.map(abs), steps.map(abs))
      return correlation.isFinite ? correlation : 0
    }
    let without = names.isEmpty ? [] : withoutFeatures(score, by: chosen.values)
    var explanation = Explanation(
      title: title, steps: steps, features: names, input: input, output: outputs[output], score: integrated.score,
      baselineScore: integrated.baselineScore, baseline: chosen.name,
      initialStateShare: initialStateShare(of: output, baseline: chosen.values), methods: methods,
      withoutFeature: without,
      faithfulness: Faithfulness(
        of: main, for: score, at: input, from: chosen.values, most: isLong ? 16 : 32, orders: isLong ? 4 : 10,
        seed: seed),
      randomizedCorrelation: mixed.reduce(0, +) / Float(mixed.count),
      agreement: methods.dropFirst().map { ($0.method, RankCorrelation.spearman(main, $0.steps)) },
      levels: levels.map { name, level in self.level(name, level) }, exhibits: exhibits)
    (explanation.remark, explanation.unit) = (remark, unit)
    explanation.pictures = frames.map { frames in
      Explanation.Pictures(
        name: frames.name, clip: frames.clip,
        names: frames.clip.count == frames.steps.count ? Array(steps[frames.steps]) : ["the image"],
        parts: whole.map { ($0, frames.pixels($1)) },
        withoutArea: without.isEmpty ? nil : frames.areas(without, features))
    }
    return explanation
  }

  private func withoutFeatures(_ score: Attribution.Score, by baseline: Tensor) -> [Float] {
    let (time, size) = (input.shape[0], input.shape[1])
    let parts = features.columns(of: size).map { columns in
      (0..<time).flatMap { step in columns.map { step * size + $0 } }
    }
    return Attribution.occlusion(of: score, at: input, by: baseline, parts: parts)
  }

  /// A recurrent level as it is shown.
  func level(_ name: String, _ level: LayerInspection) -> Explanation.Level {
    func first(_ all: [(name: String, value: Tensor)]) -> [(name: String, value: Tensor)] {
      all.filter { $0.value.rank == 3 }.map { ($0.name, $0.value.at(0, axis: 0)) }
    }
    let parts = [name, level.level > 0 ? "level \(level.level)" : "", level.direction == .backward ? "backward" : ""]
    let (own, states) = (stepsOfLevel(name) ?? 0..<steps.count, first(level.states))
    let time = states.first?.value.shape[0] ?? own.count
    // A level above one that takes several steps together has fewer.
    let names = own.count == time ? Array(steps[own]) : (0..<time).map { steps[own.lowerBound + $0 * own.count / time] }
    let read = own.count == steps.count ? input : input.slice(own, axis: 0)
    return Explanation.Level(
      name: parts.filter { !$0.isEmpty }.joined(separator: ", "), cell: level.cell, steps: names,
      gates: first(level.gates), states: states, units: level.units(following: features.followed(read)))
  }
}
