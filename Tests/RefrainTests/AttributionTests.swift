import RefrainTestSupport
import Testing

@testable import Refrain

@Suite("An attribution") struct AttributionTests {
  /// One layer and a linear map of its last output, as in the fixture.
  private struct Network<Cell: RecurrentCell>: Module {
    var layer: Recurrent<Cell>
    var head: Dense

    mutating func forEachTensor<E: Error>(
      _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
    ) throws(E) {
      try layer.cell.forEachTensor(body)
      try head.forEachTensor(under: "head", body)
    }

    func callAsFunction(_ x: Tensor) -> Tensor { head(layer(x)) }
  }

  private func network<Cell: RecurrentCell>(_ cell: Cell.Type, _ fixture: Fixture) throws -> Network<Cell> {
    var generator = RandomGenerator(seed: 1)
    let network = Network(
      layer: Recurrent<Cell>(inputSize: 3, hiddenSize: 5, using: &generator),
      head: Dense(inputSize: 5, outputSize: 2, using: &generator))
    return try network.filled(from: fixture)
  }

  private func compare<Cell: RelevanceCell>(_ cell: Cell.Type, _ name: String) throws {
    let fixture = try Fixture("attributions").under(name)
    let network = try network(cell, fixture)
    let (x, baseline) = (try fixture("x"), try fixture("baseline"))
    let score = { (inputs: Tensor) in network(inputs).at(1, axis: 1) }
    let close = Tolerance(relative: 1e-4)

    let integrated = Attribution.integratedGradients(of: score, at: x, from: baseline)
    expectClose(integrated.values, try fixture("integrated"), "integrated gradients", within: close)
    expectClose(Tensor([integrated.score]), try fixture("score"), "the score", within: close)
    #expect(abs(integrated.gap) < 1e-4)
    let gradient = Attribution.gradientTimesInput(of: score, at: x, from: .zeros(x.shape))
    expectClose(gradient.values, try fixture("gradient"), "gradient times input", within: close)
    let occlusion = Attribution.occlusionOfSteps(of: score, at: x, by: baseline)
    expectClose(Tensor(occlusion), try fixture("occlusion"), "occlusion", within: close)

    let relevance = Attribution.relevance(of: network, at: x) { network, inputs in
      network.head(network.layer.relevanceTwin(inputs)).slice(1..<2, axis: 1)
    }
    expectClose(relevance.values, try fixture("relevance"), "relevance", within: close)
    let biases = try #require(relevance.others.first { $0.name == "biases" })
    expectClose(Tensor([biases.value]), try fixture("relevance.biases"), "relevance of biases", within: close)
    #expect(abs(relevance.gap) < 1e-5 && abs(relevance.score - integrated.score) < 1e-6)
  }

  @Test("of an LSTM is Captum's, and its relevance that of the paper's loop")
  func lstm() throws { try compare(LSTMCell.self, "lstm") }

  @Test("of a GRU is Captum's, and its relevance that of the paper's loop")
  func gru() throws { try compare(GRUCell.self, "gru") }

  @Test("by Gauss and Legendre's rule integrates polynomials exactly", arguments: [1, 2, 3, 8, 50])
  func quadrature(count: Int) {
    let (places, weights) = Attribution.gaussLegendre(count)
    for degree in [0, 1, 2 * count - 1] {
      let integral = zip(places, weights).reduce(0.0) { sum, point in
        sum + point.1 * (0..<degree).reduce(1.0) { product, _ in product * point.0 }
      }
      #expect(abs(integral - 1 / Double(degree + 1)) < 1e-13)
    }
  }

  @Test("by relevance adds up through stacks, both directions and a learned initial state")
  func conservation() {
    var generator = RandomGenerator(seed: 3)
    func check<Layer: RecurrentLayer & RelevanceLayer>(_ layer: Layer) {
      var layer = layer
      layer.forEachTensor { name, tensor in
        if name.hasPrefix("bias") || name.hasPrefix("initial") {
          tensor = .normal(tensor.shape, deviation: 0.5, using: &generator)
        }
      }
      let x = Tensor.normal([9, 4], using: &generator)
      let relevance = Attribution.relevance(of: layer, at: x) { layer, inputs in
        layer.twinOrSelf(inputs).slice(0..<1, axis: 1)
      }
      #expect(abs(relevance.gap) < 1e-5)
      #expect(abs(relevance.score - layer(stack([x])).at(0, axis: 1).item) < 1e-6)
      let initial = relevance.others.first { $0.name == "initial state" }?.value
      #expect((initial != 0) == (layer.initial == .learned))
    }
    check(Stacked<LSTM>(inputSize: 4, hiddenSizes: [6, 5], using: &generator))
    check(Bidirectional<GRUCell>(inputSize: 4, hiddenSize: 5, using: &generator))
    check(Stacked<Bidirectional<LSTMCell>>(inputSize: 4, hiddenSizes: [5, 5], initial: .learned, using: &generator))
    check(LSTM(inputSize: 4, hiddenSize: 6, initial: .learned, using: &generator))
  }

  @Test("of the adding problem finds the two marked steps") func addingProblem() throws {
    var generator = RandomGenerator(seed: 5)
    let (time, size) = (12, 32)
    /// Numbers with a mark at two of the steps, and the sum of the marked ones.
    func examples(_ count: Int) -> (x: Tensor, y: Tensor, marks: [[Int]]) {
      var x = Tensor.zeros([count, time, 2])
      var (sums, marks) = ([Float](), [[Int]]())
      for row in 0..<count {
        let pair = Array(generator.permutation(time).prefix(2)).sorted()
        for step in 0..<time { x[row, step, 0] = generator.uniform() }
        for step in pair { x[row, step, 1] = 1 }
        sums.append(x[row, pair[0], 0] + x[row, pair[1], 0])
        marks.append(pair)
      }
      return (x, Tensor(sums, shape: [count, 1]), marks)
    }
    var model = Sequential(inputSize: 2, seed: 1) {
      LSTM(size)
      Dense(1)
    }
    model.compile(optimizer: Adam(learningRate: 0.01), loss: .meanSquaredError)
    let training = examples(2048)
    let history = try model.fit(
      training.x, training.y, epochs: 25, batchSize: 32, seed: 1, schedule: .cosine(), clipping: .globalNorm(1))
    #expect(try #require(history.losses.last) < 0.002)

    let test = examples(20)
    // Without a mark a step should not count: the baseline is the mean number without marks.
    var baseline = Tensor.zeros([time, 2])
    for step in 0..<time { baseline[step, 0] = 0.5 }
    let score = { [model] (inputs: Tensor) in model(inputs).at(0, axis: 1) }
    var (marked, all): (Float, Float) = (0, 0)
    for row in 0..<20 {
      let x = test.x.at(row, axis: 0)
      let attribution = Attribution.integratedGradients(of: score, at: x, from: baseline)
      #expect(abs(attribution.gap) < 1e-3)
      let steps = attribution.steps.map(abs)
      marked += test.marks[row].reduce(0) { $0 + steps[$1] }
      all += steps.reduce(0, +)
      if row == 0 {
        let faith = try #require(
          Faithfulness(of: attribution.steps, for: score, at: x, from: baseline, seed: 1))
        #expect(faith.deletion.areas.ordered < faith.deletion.areas.random)
        #expect(faith.insertion.areas.ordered > faith.insertion.areas.random)
        #expect(faith.deletion.ordered.first == 1 && abs(faith.deletion.ordered.last ?? 1) < 1e-5)
      }
    }
    #expect(marked / all >= 0.85, "the marked steps have \(marked / all) of the attribution")
  }

  @Test("by occlusion takes long inputs in windows, each step with its share")
  func windows() {
    let x = Tensor((0..<1000).map { Float($0 % 3) }, shape: [1000, 1])
    let score = { (inputs: Tensor) in inputs.sum(axes: [1, 2]) }
    let falls = Attribution.occlusionOfSteps(of: score, at: x, by: .zeros(x.shape), most: 100)
    #expect(falls.count == 1000 && abs(falls.reduce(0, +) - x.sum().item) < 0.1)
    // The first window is 0 1 2 0 1 2 0 1 2 0.
    #expect(falls.prefix(10).allSatisfy { abs($0 - 0.9) < 1e-4 })
    #expect(Attribution.occlusionOfFeatures(of: score, at: x, by: .zeros(x.shape)) == [x.sum().item])
  }

  @Test("has ranks that are correlated as Spearman says")
  func ranks() {
    #expect(RankCorrelation.spearman([1, 2, 3, 4], [10, 20, 30, 400]) == 1)
    #expect(RankCorrelation.spearman([1, 2, 3, 4], [4, 3, 2, 1]) == -1)
    // scipy.stats.spearmanr([1, 2, 2, 5], [3, 1, 4, 4]) = 0.5
    #expect(abs(RankCorrelation.spearman([1, 2, 2, 5], [3, 1, 4, 4]) - 0.5) < 1e-6)
    #expect(RankCorrelation.spearman([1, 1], [1, 2]).isNaN)
  }

  @Test("stands beside what gates did: saturation, half-life and what a unit follows")
  func inspection() throws {
    var generator = RandomGenerator(seed: 1)
    var layer = LSTM(inputSize: 2, hiddenSize: 3, using: &generator)
    layer.cell.weightInput = .zeros([12, 2])
    layer.cell.weightHidden = .zeros([12, 3])
    // Unit 0 forgets half at every step, unit 1 keeps all, unit 2 is closed to the outside.
    layer.cell.bias = Tensor([0, 0, 0, 0, 20, 0, 1, 1, 1, 0, 0, -20], shape: [12])
    layer.cell.weightInput[6, 1] = 3
    let x = Tensor.normal([40, 2], using: &generator)
    let level = try #require(layer.inspections(of: stack([x])).first)
    #expect(level.retention == level.gates[1].value && level.cell == "lstm" && level.gates.count == 4)
    #expect(level.memory?.name == "cell")
    let units = level.units(following: x)
    let lives = units.compactMap(\.halfLife)
    #expect(lives.count == 3 && abs(lives[0] - 1) < 1e-5 && lives[1] > 1e6)
    #expect(units[1].gates.first { $0.name == "forget" }?.open == 1)
    #expect(units[2].gates.first { $0.name == "output" }?.closed == 1)
    #expect(!units[0].gates.contains { $0.name == "candidate" })
    let follows = try #require(units[0].follows)
    #expect(follows.feature == 1 && follows.correlation > 0.5)
    let stacked = Stacked<Bidirectional<GRUCell>>(inputSize: 2, hiddenSizes: [3, 4], using: &generator)
    let levels = stacked.inspections(of: stack([x]), steps: Steps())
    #expect(levels.map(\.level) == [1, 1, 2, 2])
    #expect(levels.map(\.direction) == [.forward, .backward, .forward, .backward])
    #expect(levels.allSatisfy { $0.retention == $0.gates.first { $0.name == "update" }?.value })
  }
}
