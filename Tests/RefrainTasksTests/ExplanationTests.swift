import Foundation
import RefrainData
import RefrainTestSupport
import Testing

@testable import Refrain
@testable import RefrainTasks

@Suite("An explanation") struct ExplanationTests {
  private static let forecaster = Result {
    var configuration = Forecaster.Configuration()
    (configuration.epochs, configuration.hiddenSize) = (12, 6)
    return try Forecaster.train(on: .airline, configuration: configuration)
  }

  @Test("of a forecast adds up, names steps and outputs, and shows its gates") func forecast() throws {
    let forecaster = try Self.forecaster.get()
    let example = try #require(try forecaster.explained([], ForecastRequest()).first)
    #expect(example.outputs.count == forecaster.horizon + 1 && example.steps.count == forecaster.context)
    #expect(example.steps.last == "1960-12" && example.outputs[1] == "1961-01")
    let one = example.explanation(of: 1)
    #expect(one.methods.map(\.method) == ["integratedGradients", "gradientTimesInput", "occlusion", "relevance"])
    #expect(abs(try #require(one.methods[0].gap)) < 1e-4 * abs(one.score))
    #expect(abs(try #require(one.methods[3].gap)) < 1e-4 * abs(one.score))
    #expect(one.initialStateShare == 0)
    // What a season ago was counts most: the network begins with repeating it.
    let steps = one.methods[0].steps.map(abs)
    #expect(steps.indices.max { steps[$0] < steps[$1] } == forecaster.context - 12)
    let faithfulness = try #require(one.faithfulness)
    #expect(faithfulness.deletion.areas.ordered < faithfulness.deletion.areas.random)
    #expect(faithfulness.insertion.areas.ordered > faithfulness.insertion.areas.random)
    #expect(one.levels.count == 1 && one.levels[0].units.count == 6 && one.levels[0].units[0].halfLife != nil)
    #expect(one.levels[0].memory?.name == "cell")
    // The mean is the mean of the others, and so are its parts.
    let parts = (0...forecaster.horizon).map { example.explanation(of: $0, points: 8).methods[0].values }
    let mean = parts.dropFirst().reduce(Tensor.zeros(parts[0].shape), +) * (1 / Float(forecaster.horizon))
    expectClose(mean, parts[0], within: Tolerance(relative: 1e-4))
  }

  @Test("of a forecast says which part the network has in it, and what the score is counted in")
  func shares() throws {
    let forecaster = try Self.forecaster.get()
    let one = try #require(try forecaster.explained([], ForecastRequest()).first).explanation(points: 4)
    let exhibit = try #require(one.exhibits.first { $0.name == "shares" })
    guard case .table(let columns, let rows) = exhibit.content else { throw TaskError("no table") }
    #expect(columns == ["method", "kind", "share"])
    let shares = rows.map { row in if case .number(let share) = row[2] { share } else { Double.nan } }
    #expect(abs(shares.reduce(0, +) - 1) < 1e-3 && rows.contains { $0[1] == "network" }, "\(rows)")
    for method in forecaster.methods { #expect(rows.contains { $0[0] == .text(method.name) }, "\(method)") }
    let own = shares[try #require(rows.firstIndex { $0[1] == "network" })]
    #expect(one.remark.hasPrefix(own == 0 ? "The network has no part in this forecast: " : "The network "))
    #expect(one.unit == "the logarithm of Passengers, of which 0.1 is about 10 %", "\(one.unit ?? "none")")
    let page = ExplanationPage(title: "A", subtitle: "", explanations: [one]).text
    #expect(page.contains(one.remark) && page.contains("in the logarithm of Passengers"))
    #expect(one.json().line.contains(#""unit":"the logarithm of Passengers"#))
    // The score is the network's median, brought from deviations to logarithms.
    let example = try #require(try forecaster.explained([], ForecastRequest()).first)
    let member = forecaster.members[0]
    let windows = forecaster.windows(member.memory, of: member)
    let median = forecaster.forecastNetwork(windows.contexts(endingAt: [windows.count]).input)[0, 0, 1]
    #expect(abs(example.explanation(of: 1, points: 2).score - median * Float(member.scaler.deviation)) < 1e-4)
  }

  @Test("of a forecaster without training says which network forecasts") func zeroShot() throws {
    var configuration = Forecaster.Configuration()
    configuration.isZeroShot = true
    let forecaster = try Forecaster.train(on: .airline, configuration: configuration)
    let error = #expect(throws: TaskError.self) { try forecaster.explained([], ForecastRequest()) }
    #expect(error?.description.contains("the network that comes with Refrain, which is not explained") == true)
    #expect(
      error?.description.contains("without zero-shot") == true && error?.description.contains("more rows") == false)
  }

  @Test("says that it is true in part where a network of random weights gets the same order") func randomWeights() {
    var one = ExplainedExample(
      title: "a", input: Tensor([1, 5, 2, 4], shape: [4, 1]), steps: ["p", "q", "r", "s"], features: .named(["x"]),
      outputs: ["y"], network: Dense(inputSize: 1, outputSize: 1)
    ) { _, inputs, _ in inputs.sum(axes: [1]) }.explanation(points: 4)
    #expect(one.randomizedCorrelation > 0.99 && one.verdict.hasPrefix("In part: "), "\(one.verdict)")
    #expect(one.verdict.contains("of random weights gets nearly the same order"))
    one.randomizedCorrelation = 0.2
    #expect(one.verdict.hasPrefix("Yes, ") && !one.verdict.contains("random weights"), "\(one.verdict)")
  }

  @Test("shows the memory of every cell, and says so where a cell has no gates", arguments: Cells.all.map { $0.name })
  func cells(name: String) throws {
    func check<Cell: RecurrentCell>(_ type: Cell.Type) {
      var generator = RandomGenerator(seed: 2)
      let layer = Recurrent<Cell>(inputSize: 3, hiddenSize: 4, using: &generator)
      let example = ExplainedExample(
        title: "one", input: abs(.normal([5, 3], using: &generator)), steps: ["a", "b", "c", "d", "e"],
        features: .named(["p", "q", "r"]), outputs: ["w", "x", "y", "z"], network: layer
      ) { network, inputs, layers in layers(network, named: "", inputs) }
      let one = example.explanation(points: 2)
      let level = one.levels[0]
      // A projection has more memory than it shows.
      let size = Cell.self == ProjectedLSTMCell.self ? 8 : 4
      #expect(level.memory?.value.shape == [5, size] && level.units.count == size && level.steps.count == 5)
      let page = ExplanationPage(title: "A", subtitle: "", explanations: [one]).text
      let isPlain = [TanhRNNCell.name, ReLURNNCell.name, GeneralRNNCell.name, IndRNNCell.name].contains(name)
      #expect(level.units[0].gates.isEmpty == isPlain && page.contains("This cell has no gates.") == isPlain)
      #expect(page.contains("stuck closed") != isPlain)
      let keepsAll = isPlain || Cell.self == NoForgetGateLSTMCell.self
      #expect((level.units[0].halfLife == nil) == keepsAll && page.contains("half-life") != keepsAll)
    }
    let cell: any RecurrentCell.Type = try #require(Cells.named(name))
    check(cell)
  }

  @Test("shows the share of an initial state that is learned") func initialState() {
    var generator = RandomGenerator(seed: 2)
    var layer = LSTM(inputSize: 2, hiddenSize: 3, initial: .learned, using: &generator)
    layer.learnedState?.cell = Tensor([1, -2, 3], shape: [1, 3])
    let example = ExplainedExample(
      title: "one", input: .normal([5, 2], using: &generator), steps: ["a", "b", "c", "d", "e"], features: .parts,
      outputs: ["x", "y", "z"], network: layer
    ) { network, inputs, layers in layers(network, named: "", inputs) }
    let one = example.explanation(of: 2)
    #expect(abs(one.initialStateShare) > 0.1)
    // With a baseline of zeros, no biases but the forget gate's, all the baseline has is from there.
    #expect(abs(one.initialStateShare - one.baselineScore) < 1e-5)
    #expect(one.features.isEmpty && one.methods.allSatisfy { $0.values.shape == [5, 1] })
    #expect(one.methods.last?.others.first { $0.name == "initial state" }?.value != 0)
  }

  @Test("leaves out relevance where a layer has none") func withoutTwin() {
    var generator = RandomGenerator(seed: 2)
    let layer = Recurrent<MinGRUCell>(inputSize: 2, hiddenSize: 3, using: &generator)
    let example = ExplainedExample(
      title: "one", input: .normal([5, 2], using: &generator), steps: ["a", "b", "c", "d", "e"],
      features: .named(["p", "q"]), outputs: ["x", "y", "z"], network: layer
    ) { network, inputs, layers in layers(network, named: "", inputs) }
    #expect(example.explanation().methods.map(\.method) == ["integratedGradients", "gradientTimesInput", "occlusion"])
  }

  @Test("is a page that needs nothing else, whose text cannot break out") func page() throws {
    let forecaster = try Self.forecaster.get()
    let example = try #require(try forecaster.explained([], ForecastRequest()).first)
    var one = example.explanation(points: 8)
    one.title = "<script>alert('&\"')</script>"
    let page = ExplanationPage(title: "A", subtitle: "m <b>", explanations: [one, one]).text
    #expect(page.contains("&lt;script&gt;alert('&amp;&quot;')&lt;/script&gt;") && !page.contains("<script>alert"))
    #expect(!page.contains("http://") && !page.contains("https://") && !page.contains("src="))
    #expect(page.contains(#"role="tablist""#) && page.contains(#"lang="en""#) && page.contains("not causes"))
    #expect(page.utf8.count < 400_000)
    // What moves sideways on a narrow screen is reached by the keyboard.
    #expect(!page.contains("<div class=\"wide\">") && !page.contains("<p class=\"words\" tabindex=\"0\">"))
  }

  @Test("says so where its parts are far from adding up, as they are of a network that jumps") func jumps() {
    func explanation(_ jump: Float) -> Explanation {
      ExplainedExample(
        title: "a", input: Tensor([1, 2], shape: [2, 1]), steps: ["p", "q"], features: .named(["x"]), outputs: ["y"],
        network: Dense(inputSize: 1, outputSize: 1)
      ) { _, inputs, _ in
        let there = Tensor(inputs.detached.values.map { $0 == 0 ? 0 : jump }, shape: inputs.shape)
        return (inputs + there).sum(axes: [1])
      }.explanation(points: 8)
    }
    let (whole, torn) = (explanation(0), explanation(3))
    #expect(whole.incompleteness == nil && torn.incompleteness?.contains("is missing of the 9 between") == true)
    #expect(
      ExplanationPage(title: "A", subtitle: "", explanations: [torn]).text.contains("is missing of the 9 between"))
  }

  @Test("of one step says nothing of orders") func oneStep() {
    let one = ExplainedExample(
      title: "a", input: Tensor([2], shape: [1, 1]), steps: ["p"], features: .named(["x"]), outputs: ["y"],
      network: Dense(inputSize: 1, outputSize: 1)
    ) { _, inputs, _ in inputs.sum(axes: [1]) }.explanation(points: 2)
    let page = ExplanationPage(title: "A", subtitle: "", explanations: [one]).text
    #expect(page.contains(Explanation.unmeasured) && !page.contains("Rank correlation"))
  }

  @Test("has room in charts for the name of every other of many rows") func manyRows() {
    let chart = HeatMap(
      values: .zeros([1, 50]), rows: (0..<50).map { "row\($0)" }, columns: ["a"], label: "m", hasBars: false
    ).svg
    #expect(chart.contains(">row0<") && !chart.contains(">row1<") && chart.contains(">row46<"))
    #expect(!chart.contains(">row48<") && chart.contains(">48 of 50 rows<"))
  }

  @Test("has charts of values that are infinite or no numbers") func notFinite() {
    let values = Tensor([1, -2, .infinity, .nan, -.infinity, 3e38, 3e38, 0.5], shape: [4, 2])
    for hasBars in [false, true] {
      let chart = HeatMap(
        values: values, rows: ["a", "b"], columns: ["p", "q", "r", "s"], label: "m", hasBars: hasBars
      ).svg
      #expect(chart.hasSuffix("</svg>") && !chart.contains("nan") && !chart.contains("inf"))
    }
    let curve = Faithfulness.Curve(ordered: [1, .nan, 0], random: [.infinity, 3e38, 0])
    let chart = CurveChart(curve, label: "c").svg
    #expect(chart.contains("</svg>") && !chart.contains("nan") && !chart.contains("inf"))
  }

  @Test("of a long sequence stays small on the page") func long() {
    var generator = RandomGenerator(seed: 2)
    let time = 5000
    let layer = LSTM(inputSize: 2, hiddenSize: 64, using: &generator)
    var one = Explanation(
      title: "long", steps: (0..<time).map { "word\($0)" }, features: [], input: .zeros([time, 2]), output: "x",
      score: 1, baselineScore: 0, baseline: "zeros", initialStateShare: 0,
      methods: [
        Explanation.Parts(
          method: "a", title: "A", values: .normal([time, 1], using: &generator), gap: 0, others: [])
      ], withoutFeature: [], faithfulness: nil, randomizedCorrelation: 0, agreement: [], levels: [])
    let level = layer.inspections(of: .normal([1, time, 2], using: &generator))[0]
    one.levels = [
      Explanation.Level(
        name: "l", cell: "lstm", steps: one.steps, gates: [],
        states: level.states.map { ($0.name, $0.value.at(0, axis: 0)) }, units: level.units())
    ]
    let words = ExplanationPage(title: "A", subtitle: "", explanations: [one]).text
    #expect(words.utf8.count < 900_000, "\(words.utf8.count)")
    one.features = ["p"]
    one.withoutFeature = [0]
    #expect(ExplanationPage(title: "A", subtitle: "", explanations: [one]).text.utf8.count < 400_000)
  }
}
