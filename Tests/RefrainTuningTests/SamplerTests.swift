import Foundation
import Refrain
import RefrainData
import RefrainTasks
import RefrainTestSupport
import Testing

@testable import RefrainTuning

@Suite("A sampler") struct SamplerTests {
  private struct Objective: Sendable {
    var name: String
    var space: SearchSpace
    var value: @Sendable ([Double], Int) -> Double
  }

  private static func box(_ count: Int, _ range: ClosedRange<Double>) -> SearchSpace {
    SearchSpace((0..<count).map { .init("x\($0)", .real(range, isLogarithmic: false)) })
  }

  /// The functions of make_tuning.py: of the numbers, and the place of a word.
  private static let objectives: [Objective] = [
    Objective(name: "sphere", space: box(4, -5...5), value: sphere),
    Objective(name: "branin", space: plane, value: branin),
    Objective(name: "rosenbrock", space: box(3, -2...2), value: rosenbrock),
    Objective(name: "ackley", space: box(4, -5...5), value: ackley),
    Objective(name: "hartmann", space: box(3, 0...1), value: hartmann),
    Objective(name: "mixed", space: training, value: mixed),
  ]

  private static let plane = SearchSpace([
    .init("x", .real(-5...10, isLogarithmic: false)), .init("y", .real(0...15, isLogarithmic: false)),
  ])
  private static let training = SearchSpace([
    .init("rate", .real(1e-5...1e-1, isLogarithmic: true)), .init("units", .whole(8...256, isLogarithmic: true)),
    .init("cell", .choice(["lstm", "gru", "rnn"])),
  ])

  private static func square(_ x: Double) -> Double { x * x }

  private static func sphere(_ x: [Double], _ word: Int) -> Double { x.reduce(0.0) { $0 + square($1 - 1) } }

  private static func branin(_ x: [Double], _ word: Int) -> Double {
    let (a, b, t) = (5.1 / (4 * square(Double.pi)), 5 / Double.pi, 1 / (8 * Double.pi))
    return square(x[1] - a * square(x[0]) + b * x[0] - 6) + 10 * (1 - t) * cos(x[0]) + 10
  }

  private static func rosenbrock(_ x: [Double], _ word: Int) -> Double {
    (0..<2).reduce(0.0) { $0 + 100 * square(x[$1 + 1] - square(x[$1])) + square(1 - x[$1]) }
  }

  private static func ackley(_ x: [Double], _ word: Int) -> Double {
    let squares = x.reduce(0.0) { $0 + square($1) } / 4
    let waves = x.reduce(0.0) { $0 + cos(2 * Double.pi * $1) } / 4
    return -20 * exp(-0.2 * squares.squareRoot()) - exp(waves) + 20 + M_E
  }

  private static func hartmann(_ x: [Double], _ word: Int) -> Double {
    let a: [[Double]] = [[3, 10, 30], [0.1, 10, 35], [3, 10, 30], [0.1, 10, 35]]
    let p: [[Double]] = [
      [0.3689, 0.1170, 0.2673], [0.4699, 0.4387, 0.7470], [0.1091, 0.8732, 0.5547], [0.0381, 0.5743, 0.8828],
    ]
    let heights: [Double] = [1, 1.2, 3, 3.2]
    var sum = 0.0
    for row in 0..<4 {
      var distance = 0.0
      for k in 0..<3 { distance += a[row][k] * square(x[k] - p[row][k]) }
      sum += heights[row] * exp(-distance)
    }
    return -sum
  }

  private static func mixed(_ x: [Double], _ word: Int) -> Double {
    let offsets: [Double] = [0, 0.1, 0.6]
    return offsets[word] + 0.3 * square(log10(x[0]) + 2.5) + 0.2 * square(log2(x[1]) - 6)
  }

  private func best(of objective: Objective, _ sampler: any Sampler, seed: UInt64, trials: Int = 60) -> Double {
    var observations: [Observation] = []
    for number in 1...trials {
      var generator = RandomGenerator(seed: seed &* 1000 &+ UInt64(number))
      let values = sampler.next(in: objective.space, after: observations, running: [], using: &generator)
      var (numbers, word): ([Double], Int) = ([], 0)
      for value in values {
        switch value {
        case .real(let number): numbers.append(number)
        case .whole(let number): numbers.append(Double(number))
        case .choice(let place): word = place
        }
      }
      observations.append(Observation(values: values, loss: objective.value(numbers, word)))
    }
    return observations.map(\.loss).min()!
  }

  private func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
  }

  @Test("by Parzen trees finds no worse values than Optuna's, in the median of twenty searches", arguments: 0..<6)
  func optuna(index: Int) throws {
    let objective = Self.objectives[index]
    let theirs = try Fixture("tuning")(objective.name).values
    let ours = median((0..<20).map { best(of: objective, TreeParzenSampler(), seed: $0) })
    let random = median((0..<20).map { best(of: objective, RandomSampler(), seed: $0) })
    print("tuning \(objective.name): \(ours), Optuna \(theirs[0]); random \(random), Optuna's \(theirs[1])")
    #expect(ours <= Double(theirs[0]) + 1e-3 * abs(Double(theirs[0])), "\(ours), Optuna has \(theirs[0])")
    #expect(ours < random)
  }

  @Test("by Parzen trees begins sooner where there are few trials, and finds more so")
  func few() {
    #expect([1, 15, 20, 29, 30, 300].map { TreeParzenSampler(trials: $0).startup } == [5, 5, 6, 9, 10, 10])
    var plan = Tuner<Forecaster>.Plan()
    plan.trials = 15
    #expect((plan.chosenSampler as? TreeParzenSampler)?.startup == 5)
    plan.sampler = RandomSampler()
    #expect(plan.chosenSampler is RandomSampler)
    let count = 60
    let shares = Self.objectives.map { objective in
      func searches(_ sampler: TreeParzenSampler) -> [Double] {
        (0..<count).map { best(of: objective, sampler, seed: UInt64($0), trials: 15) }
      }
      let (sooner, later) = (searches(TreeParzenSampler(trials: 15)), searches(TreeParzenSampler()))
      return Double(sooner.reduce(0) { sum, one in sum + later.count { one < $0 } }) / Double(count * count)
    }
    #expect(shares.reduce(0, +) / Double(shares.count) > 0.55, "\(shares)")
  }

  @Test("chooses the same for the same seed and trials, within the space")
  func determinism() {
    let space = Self.objectives[5].space
    var observations: [Observation] = []
    for number in 0..<40 {
      var (one, other) = (RandomGenerator(seed: UInt64(number)), RandomGenerator(seed: UInt64(number)))
      let values = TreeParzenSampler().next(in: space, after: observations, running: [], using: &one)
      #expect(values == TreeParzenSampler().next(in: space, after: observations, running: [], using: &other))
      #expect(zip(space.parameters, values).allSatisfy { $0.domain.holds($1) })
      // Trials that fail are no place to go back to, and end nothing.
      observations.append(Observation(values: values, loss: number % 5 == 0 ? .infinity : Double(number % 7)))
      let texts = zip(space.parameters, values).map { ($0.name, $1.text(in: $0.domain)) }
      #expect(space.values(of: Dictionary(uniqueKeysWithValues: texts)) == values)
    }
  }

  @Test("learns where half of the trials are ended early, and counts these as the worst")
  func pruned() {
    let space = Self.box(1, 0...1)
    func observations(_ places: [Double]) -> [Observation] {
      places.map { Observation(values: [.real($0)], loss: $0 > 0.5 ? .infinity : abs($0 - 0.1)) }
    }
    // Ten trials, of which five say how good they are.
    let known = observations([0.11, 0.2, 0.3, 0.4, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95])
    var above = 0
    for seed in 0..<60 {
      var generator = RandomGenerator(seed: UInt64(seed))
      let values = TreeParzenSampler().next(in: space, after: known, running: [], using: &generator)
      if case .real(let place) = values[0], place > 0.5 { above += 1 }
    }
    #expect(above < 15, "\(above) of 60 where all were ended early")
    // Where none says anything, chance decides; and where all say the same.
    let alike = [0.1, 0.12, 0.14, 0.16, 0.18, 0.2].map { Observation(values: [.real($0)], loss: 1) }
    let far = (0..<60).count { seed in
      var generator = RandomGenerator(seed: UInt64(seed))
      let values = TreeParzenSampler(trials: 15).next(in: space, after: alike, running: [], using: &generator)
      if case .real(let place) = values[0] { return place > 0.5 } else { return false }
    }
    #expect((20...40).contains(far), "\(far) of 60 where all came out alike")
    var generator = RandomGenerator(seed: 1)
    let lost = observations((0..<20).map { 0.6 + 0.01 * Double($0) })
    #expect(TreeParzenSampler().next(in: space, after: lost, running: [], using: &generator).count == 1)
  }

  @Test("of halving lets the best third go on, or the better half of few")
  func halving() {
    let halving = Halving()
    #expect((1...30).filter(halving.isRung) == [1, 3, 9, 27])
    #expect(Halving(first: 2, factor: 4).isRung(32) && !Halving(first: 2, factor: 4).isRung(4))
    #expect(!halving.goesOn(.nan, among: []))
    // Of five all go on, of few more the better half.
    #expect(halving.goesOn(5, among: [1, 2, 3, 4]) && !halving.goesOn(5, among: [1, 2, 3, 4, 4.5]))
    #expect(halving.goesOn(3.5, among: [1, 3, 4, 5, 6]) && !halving.goesOn(4.5, among: [1, 3, 4, 5, 6]))
    let others = (1...11).map(Double.init)
    #expect(halving.goesOn(4.5, among: Array(others.dropFirst())) && !halving.goesOn(4.5, among: others))
    #expect(halving.goesOn(3.5, among: others))
  }

  @Test("reads its space from JSON, and says what is wrong with it")
  func space() throws {
    let text =
      #"{"hidden": {"from": 16, "to": 64, "log": true}, "dropout": {"from": 0.0, "to": 1}, "cell": ["lstm", "gru"]}"#
    let space = try SearchSpace(json: Array(text.utf8), file: nil)
    #expect(
      space.parameters == [
        .init("cell", .choice(["lstm", "gru"])), .init("dropout", .real(0...1, isLogarithmic: false)),
        .init("hidden", .whole(16...64, isLogarithmic: true)),
      ])
    // The range of another parameter whose name begins alike, and a word that is alike.
    let alike = """
      {"kind": ["embedding"], "embedding-dropout": {"from": 0.0, "to": 0.5}, "embedding" : {"from": 16, "to": 64}}
      """
    #expect(
      try SearchSpace(json: Array(alike.utf8), file: nil).parameters == [
        .init("embedding", .whole(16...64, isLogarithmic: false)),
        .init("embedding-dropout", .real(0...0.5, isLogarithmic: false)), .init("kind", .choice(["embedding"])),
      ])
    func problem(_ text: String) -> String {
      do throws(DataError) { _ = try SearchSpace(json: Array(text.utf8), file: "s.json") } catch {
        return error.description
      }
      return ""
    }
    #expect(problem("[1]").hasPrefix("s.json: a search space is an object of parameters"))
    #expect(problem(#"{"a": {"from": 2, "to": 1}}"#).contains("the range of 'a' has no 'from' below a 'to'"))
    #expect(problem(#"{"a": {"from": 0, "to": 1, "log": true}}"#).contains("has no logarithm"))
    #expect(problem(#"{"a": []}"#).contains("the choices of 'a' are not words or numbers"))
    #expect(problem("{").contains("no JSON"))
  }
}
