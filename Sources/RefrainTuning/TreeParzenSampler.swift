import RealModule
import Refrain

/// The tree-structured Parzen estimator (Bergstra et al. 2011), over all parameters together as Falkner, Klein and
/// Hutter 2018 have it: a density l of the good trials and one g of the others, each a mixture of a kernel a trial and
/// a prior; of candidates drawn from l the one with the greatest l / g is taken.
public struct TreeParzenSampler: Sampler {
  /// How many trials are random at first.
  public var startup: Int
  /// How many candidates are drawn.
  public var candidates: Int

  /// A sampler.
  public init(startup: Int = 10, candidates: Int = 24) {
    precondition(startup > 0 && candidates > 0, "a sampler needs trials to start with, and candidates")
    self.startup = startup
    self.candidates = candidates
  }

  /// A sampler for so many trials in all, of which a third are random, five at least and ten at most: ten of fifteen
  /// left the rest too little to look. Over twelve functions of two to six parameters it finds more so in 15 trials.
  public init(trials: Int) { self.init(startup: min(max(trials / 3, 5), 10)) }

  public func next(
    in space: SearchSpace, after observations: [Observation], running: [[ParameterValue]],
    using generator: inout RandomGenerator
  ) -> [ParameterValue] {
    let known = observations.filter { $0.loss.isFinite }
    // Where several came out alike, as with an F1 of 0, the first of them is no place to go back to.
    let isTold = known.count == 1 || known.contains { $0.loss != known[0].loss }
    guard observations.count >= startup, !known.isEmpty, isTold else {
      return RandomSampler().next(in: space, after: observations, running: running, using: &generator)
    }
    let failed = observations.filter { !$0.loss.isFinite }.map(\.values)
    let sorted = known.sorted { $0.loss < $1.loss }
    // A tenth of all, as Optuna has it: those that were ended early or failed are the worst, and never good.
    let good = min((observations.count + 9) / 10, 25, known.count)
    let below = ParzenDensity(of: sorted.prefix(good).map(\.values), in: space)
    // Trials that run are taken for bad: another one beside them would tell nothing new.
    let above = ParzenDensity(of: sorted.dropFirst(good).map(\.values) + failed + running, in: space)
    var best: (values: [ParameterValue], gain: Double)?
    for _ in 0..<candidates {
      let values = below.draw(using: &generator)
      let gain = below.logarithm(at: values) - above.logarithm(at: values)
      if gain > best?.gain ?? -.infinity { best = (values, gain) }
    }
    return best?.values ?? below.draw(using: &generator)
  }
}

/// A mixture of products of kernels: one a trial, and a wide one as the prior, all of one weight.
private struct ParzenDensity {
  private let space: SearchSpace
  /// For each kernel but the prior, which is the last one, its values.
  private let centers: [[ParameterValue]]
  /// The places of these in 0 … 1, one kernel after another; nil for words.
  private let middles: [Double?]
  /// The logarithms of the areas below the kernels, as far as they lie within 0 … 1; 0 for words.
  private let areas: [Double]
  private let deviation: Double

  init(of trials: [[ParameterValue]], in space: SearchSpace) {
    self.space = space
    centers = trials
    // Scott's rule, on places in 0 … 1, for a mixture of a tenth of the range.
    let dimensions = Double(space.parameters.count)
    let deviation = 0.1 * Double.pow(Double(max(trials.count, 1)), -1 / (dimensions + 4))
    let middles = trials.flatMap { trial in zip(space.parameters, trial).map { $0.domain.place(of: $1) } }
    func below(_ x: Double) -> Double { (1 + Double.erf(x / 2.0.squareRoot())) / 2 }
    areas = middles.map { middle in
      guard let middle else { return 0 }
      let inside = below((1 - middle) / deviation) - below(-middle / deviation)
      return Double.log(deviation * (2 * Double.pi).squareRoot() * max(inside, 1e-12))
    }
    (self.middles, self.deviation) = (middles, deviation)
  }

  func draw(using generator: inout RandomGenerator) -> [ParameterValue] {
    let kernel = Int(generator.uniform() * Float(centers.count + 1))
    return space.parameters.enumerated().map { index, parameter in
      guard kernel < centers.count else { return parameter.domain.value(at: Double(generator.uniform())) }
      let center = centers[kernel][index]
      guard let place = parameter.domain.place(of: center) else { return word(near: center, parameter, &generator) }
      // A normal number within 0 … 1.
      for _ in 0..<100 {
        let drawn = place + deviation * Double(generator.normal())
        if (0...1).contains(drawn) { return parameter.domain.value(at: drawn) }
      }
      return center
    }
  }

  private func word(
    near center: ParameterValue, _ parameter: SearchSpace.Parameter, _ generator: inout RandomGenerator
  ) -> ParameterValue {
    let isOther = Double(generator.uniform()) > share(ofOwnWordAmong: parameter.domain)
    return isOther ? parameter.domain.value(at: Double(generator.uniform())) : center
  }

  /// How much of a kernel's weight its own word has before the rest is divided evenly.
  private func share(ofOwnWordAmong domain: SearchSpace.Domain) -> Double {
    guard case .choice(let words) = domain, words.count > 1 else { return 1 }
    return Double(centers.count) / Double(centers.count + 1)
  }

  func logarithm(at values: [ParameterValue]) -> Double {
    let places = zip(space.parameters, values).map { $0.domain.place(of: $1) }
    var kernels: [Double] = []
    var kernel = 0
    for center in centers {
      var sum = 0.0
      for index in places.indices {
        if let place = places[index], let middle = middles[kernel] {
          let distance = (place - middle) / deviation
          sum += -distance * distance / 2 - areas[kernel]
        } else {
          sum += logarithm(of: values[index], near: center[index], space.parameters[index].domain)
        }
        kernel += 1
      }
      kernels.append(sum)
    }
    let prior = space.parameters.reduce(0.0) { sum, parameter in
      if case .choice(let words) = parameter.domain { sum - Double.log(Double(words.count)) } else { sum }
    }
    let all = kernels + [prior]
    let most = all.max() ?? 0
    return most + Double.log(all.reduce(0) { $0 + Double.exp($1 - most) } / Double(all.count))
  }

  /// What a kernel of words says.
  private func logarithm(
    of value: ParameterValue, near center: ParameterValue, _ domain: SearchSpace.Domain
  ) -> Double {
    guard case .choice(let words) = domain else { return 0 }
    let own = share(ofOwnWordAmong: domain)
    return Double.log((value == center ? own : 0) + (1 - own) / Double(words.count) + 1e-12)
  }
}
