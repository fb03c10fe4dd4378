import RefrainTestSupport
import Testing

@testable import Refrain

@Suite("Grids whose rows are steps")
struct GridSequencesTests {
  private let columns = 4

  private func layer(_ direction: Direction = .forward, initial: InitialState = .fixed) -> GridLSTM {
    var generator = RandomGenerator(seed: 3)
    return GridLSTM(3, direction: direction, initial: initial)
      .built(for: [nil, nil, columns, 2], using: &generator).filledWithRamps(scale: 0.6)
  }

  private var x: Tensor { ramp([5, 6, columns, 2], 0.3) }
  private var state: GridLSTM.State {
    GridLSTM.State(hidden: ramp([5, columns, 3], 5, scale: 0.8), cell: ramp([5, columns, 3], 6, scale: 0.8))
  }

  /// The same grid by grid and place by place, as the text says it.
  private func placeByPlace(
    _ layer: GridLSTM, _ x: Tensor, _ state: GridLSTM.State, _ steps: Steps
  ) -> Outcome<GridLSTM.State> {
    let direction = layer.configuration.direction ?? .forward
    let size = 3
    func initial() -> [(Tensor, Tensor)] {
      let given = layer.learnedState ?? GridLSTM.State(hidden: .zeros([1, 1, size]), cell: .zeros([1, 1, size]))
      return (0..<columns).map { _ in (given.hidden.reshaped([1, size]), given.cell.reshaped([1, size])) }
    }
    var (outputs, finals): ([Tensor], [(Tensor, Tensor)]) = ([], [])
    for grid in 0..<5 {
      var above = (0..<columns).map { column in
        (
          state.hidden.at(grid, axis: 0).slice(column..<column + 1, axis: 0),
          state.cell.at(grid, axis: 0).slice(column..<column + 1, axis: 0)
        )
      }
      var shown = [Tensor](repeating: .zeros([columns, 2 * size]), count: 6)
      let length = steps.lengths?[grid] ?? 6
      for step in direction == .forward ? Array(0..<length) : (0..<length).reversed() {
        let isReset = steps.resets?[grid][step] ?? false
        if isReset, direction == .forward { above = initial() }
        if steps.present?[grid][step] ?? true {
          var left = (Tensor.zeros([1, size]), Tensor.zeros([1, size]))
          var row: [Tensor] = []
          for column in 0..<columns {
            let input = x.at(grid, axis: 0).at(step, axis: 0).slice(column..<column + 1, axis: 0)
            let sums =
              input.linear(weight: layer.weightInput, bias: layer.bias)
              + concatenate([above[column].0, left.0], axis: 1).matrixProduct(
                layer.weightHidden, transposingOther: true)
            func moved(_ first: Int, _ cell: Tensor) -> (Tensor, Tensor) {
              func gate(_ index: Int) -> Tensor {
                sums.slice(first + index * size..<first + (index + 1) * size, axis: 1)
              }
              let next = sigmoid(gate(1)) * cell + sigmoid(gate(0)) * tanh(gate(2))
              return (sigmoid(gate(3)) * tanh(next), next)
            }
            above[column] = moved(0, above[column].1)
            left = moved(4 * size, left.1)
            row.append(concatenate([above[column].0, left.0], axis: 1))
          }
          shown[step] = concatenate(row, axis: 0)
        }
        if isReset, direction == .backward, step > 0 { above = initial() }
      }
      outputs.append(stack(shown))
      finals.append((concatenate(above.map(\.0), axis: 0), concatenate(above.map(\.1), axis: 0)))
    }
    return Outcome(
      outputs: stack(outputs),
      state: GridLSTM.State(hidden: stack(finals.map(\.0)), cell: stack(finals.map(\.1))))
  }

  @Test("rows are those of a loop over the places, in values and all gradients", arguments: Direction.allCases)
  func steps(direction: Direction) {
    for initial in InitialState.allCases {
      let point = Passing(layer: layer(direction, initial: initial), input: x, state: state)
      for (what, steps) in [("whole", Steps())] + StepsTests.cases {
        func found(_ point: Passing<GridLSTM, GridLSTM.State>) -> Outcome<GridLSTM.State> {
          let result = point.layer.scan(point.input, steps: steps, from: point.state)
          return Outcome(outputs: result.outputs, state: result.state)
        }
        func expected(_ point: Passing<GridLSTM, GridLSTM.State>) -> Outcome<GridLSTM.State> {
          placeByPlace(point.layer, point.input, point.state, steps)
        }
        expectClose(found(point), expected(point), "\(what), \(direction):")
        expectClose(point.gradient(found), point.gradient(expected), "\(what), \(direction): the gradient by")
      }
    }
  }

  @Test("without a state they begin with zeros, or what is learned")
  func initialStates() {
    for initial in InitialState.allCases {
      let layer = layer(initial: initial)
      expectWalkIsComplete(layer)
      let given = layer.learnedState ?? GridLSTM.State(hidden: .zeros([1, 1, 3]), cell: .zeros([1, 1, 3]))
      let (found, expected) = (
        layer.scan(x), layer.scan(x, from: given.mapTensors { $0.expanded(to: [5, columns, 3]) })
      )
      expectSameBits(found.outputs, expected.outputs)
      expectSameBits(found.state, expected.state)
    }
    #expect(layer(initial: .learned).namedTensors.map(\.name).suffix(2) == ["initial_hidden", "initial_cell"])
    let small = Steps(lengths: [2, 1, 0, 2, 2], resets: StepsTests.resets.map { Array($0[..<2]) })
    let part = x.slice(0..<2, axis: 1)
    expectGradientMatchesDifferences(at: layer(initial: .learned)) { [$0(part, steps: small)] }
    let empty = layer().scan(.zeros([5, 6, columns, 2]), steps: Steps(lengths: [0, 0, 0, 0, 0]), from: state)
    #expect(empty.outputs == .zeros([5, 6, columns, 6]))
    expectSameBits(empty.state, state)
  }

  @Test("what stands in rows that are not there has no influence, and the rows may come first")
  func garbage() {
    for direction in Direction.allCases {
      let layer = layer(direction)
      for (what, steps) in StepsTests.cases {
        let spoiled = select(steps.mask(batch: 5, time: 6).reshaped([5, 6, 1, 1]), x, Tensor(.nan))
        let clean = layer.scan(x, steps: steps)
        expectSameBits(layer.scan(spoiled, steps: steps).outputs, clean.outputs, "\(what), \(direction)")
        func gradient(_ x: Tensor) -> GridLSTM {
          valueAndGradient(at: layer) { ($0(x, steps: steps) * ramp(clean.outputs.shape)).sum() }.gradient
        }
        expectSameBits(gradient(spoiled), gradient(x), "\(what), \(direction): the gradient by")
        var turned = steps
        turned.layout = .timeFirst
        let other = layer.scan(spoiled.transposed([1, 0, 2, 3]), steps: turned)
        expectSameBits(other.outputs.transposed([1, 0, 2, 3]), clean.outputs, "\(what), \(direction)")
        expectSameBits(other.state, clean.state, "\(what), \(direction)")
        for grid in 0..<5 {
          let one = layer.scan(x.at(grid, axis: 0), steps: steps.selecting([grid]))
          expectSameBits(one.outputs, clean.outputs.at(grid, axis: 0), "\(what), \(direction), grid \(grid) alone")
          expectSameBits(one.state, clean.state.mapTensors { rows([grid], of: $0) })
        }
      }
    }
  }

  @Test("rows pushed one by one give the batch's outputs, to the bit")
  func streams() throws {
    for initial in InitialState.allCases {
      let layer = layer(initial: initial)
      let (outputs, state) = layer.scan(x)
      var streams = try Streams(layer, count: 5)
      for row in 0..<6 { expectSameBits(streams.push(x.at(row, axis: 1)), outputs.at(row, axis: 1), "row \(row)") }
      expectSameBits(streams.memory, state)
      streams.restart(at: 1)
      streams.append(count: 1)
      let first = streams.push(concatenate([x.at(0, axis: 1), x.at(0, axis: 1).slice(3..<4, axis: 0)], axis: 0))
      for (place, grid) in [(1, 1), (5, 3)] {
        expectSameBits(first.at(place, axis: 0), outputs.at(0, axis: 1).at(grid, axis: 0))
      }
    }
  }

  @Test("streams want the number of columns, and no backward direction")
  func refusals() {
    func problem(_ layer: GridLSTM, _ columns: Int?) -> String {
      var generator = RandomGenerator(seed: 3)
      do throws(LayerError) {
        _ = try Streams(layer.built(for: [nil, nil, columns, 2], using: &generator))
        return ""
      } catch { return error.description }
    }
    #expect(problem(GridLSTM(3), 4).isEmpty)
    #expect(problem(GridLSTM(3), nil).contains("number of columns"))
    #expect(problem(GridLSTM(3, direction: .backward), 4).contains("going backward"))
  }

  @Test("windows of grids carry the state, and learn")
  func truncation() throws {
    try expectCarriesState(
      [GridLSTM(3, initial: .learned), GridLSTM(2)], inputShape: [nil, 4, 2], x: x,
      y: ramp([5, 6, 4, 4], 3, scale: 0.5))
  }
}
