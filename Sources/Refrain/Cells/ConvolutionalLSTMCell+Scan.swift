// All steps of a convolutional long short-term memory without a tensor in between: at each step the sums of a line of
// places are two products, of lines of the input and of the hidden state, and the gate function takes them while they
// are in the cache. The states and the gradients of the sums stand in memory with zeros around them, as the
// convolutions read them.

import RefrainKernels

extension ConvolutionalLSTMCell {
  /// By lines where all convolutions are full and of strides of 1; else by the loop.
  public static var execution: ScanExecution<Self> {
    ScanExecution(
      scan: { cell, input, state, schedule, masks in
        cell.checkScan(input, from: state, along: schedule)
        let operands = cell.tensors + [input] + state.tensors
        let recorder = Recording.current.flatMap { operands.contains(where: $0.follows) ? $0 : nil }
        guard masks.isEmpty, recorder?.isDifferentiating != false, schedule.count > 0,
          let scan = LineScan(cell, schedule)
        else { return cell.scanByLoop(input, from: state, along: schedule, masks: masks) }
        return scan.run(cell, input, from: state, recorder: recorder)
      },
      advance: { cell, state, input in cell.advanceByStep(&state, with: input) })
  }
}

/// A scan of a convolutional long short-term memory, line by line.
private struct LineScan<Map: ConvolutionMap> {
  typealias Cell = ConvolutionalLSTMCell<Map>

  let schedule: Schedule
  /// W and R.
  let weights: (input: Tensor, hidden: Tensor)
  /// The convolutions; that of the hidden state has its channels padded to whole vectors.
  var input: ConvolutionLines
  var hidden: ConvolutionLines
  /// F, and that padded to whole vectors.
  let filters: Int
  let padded: Int

  /// nil where the cell has other convolutions.
  init?(_ cell: Cell, _ schedule: Schedule) {
    guard let inputMap = cell.inputMap as? FullConvolution, let hiddenMap = cell.hiddenMap as? FullConvolution,
      (cell.options.strides ?? []).allSatisfy({ $0 == 1 }), inputMap.channels > 0, hiddenMap.channels > 0
    else { return nil }
    self.schedule = schedule
    let options = cell.options
    filters = hiddenMap.channels
    padded = kernels.paddedSize(filters)
    input = ConvolutionLines(
      [1] + options.shape + [inputMap.channels], kernel: options.kernel, strides: nil, padding: options.padding)
    hidden = ConvolutionLines(
      [1] + options.outputShape + [padded], kernel: options.kernel, strides: nil, padding: .same)
    input.share(with: &hidden)
    var weight = hiddenMap.weight
    if padded > filters {
      let zeros = Tensor.zeros(weight.shape.dropLast() + [padded - filters])
      weight = Recording.run(nil) { concatenate([hiddenMap.weight.detached, zeros], axis: -1) }
    }
    weights = (inputMap.weight, weight)
  }

  /// 4F
  private var gates: Int { 4 * filters }
  private var places: Int { hidden.inputCount }
  private var lineCount: Int { hidden.output[0] * hidden.output[1] }
  private var lineWidth: Int { hidden.output[2] }
  /// Lines that are worth a thread.
  private var grain: Int { max(1, (1 << 18) / max(1, lineWidth * (input.width + hidden.width) * gates)) }

  /// The packed row of a row at a step.
  private func number(_ step: Int, _ row: Int) -> Int { schedule.offsets[step] + row }

  func run(
    _ cell: Cell, _ x: Tensor, from state: Cell.State, recorder: (any Recorder)?
  ) -> (outputs: Tensor, state: Cell.State) {
    let memory = LineMemory(self, keepsSteps: recorder != nil)
    memory.begin(from: state, self)
    let size = places * filters
    let outputs = Tensor(schedule.shape + [size]) { target in
      if schedule.count < schedule.batch * schedule.time {
        kernels.fill(schedule.batch * schedule.time * size, 0, target)
      }
      read(x, cell.bias) { forward($0, bias: $1, memory, outputs: target) }
    }
    let final = memory.final(self)
    guard let recorder else { return (outputs, Cell.State(hidden: final.hidden, cell: final.cell)) }
    let operands = cell.tensors + [x] + state.tensors
    let operation = Operations.Opaque(name: "scan of \(Cell.name)")
    let recorded = recorder.record(operation, of: operands, [outputs, final.hidden, final.cell]) { gradients in
      backward(gradients, x, wantsInput: recorder.follows(x), memory)
    }
    return (recorded[0], Cell.State(hidden: recorded[1], cell: recorded[2]))
  }

  private func packedPanels(_ weight: Tensor) -> Storage {
    let depth = weight.count / gates
    return Tensor(memoryOf: weight, shape: [gates, depth]).packed(transposed: true, forRows: 1)
  }

  // MARK: - Forward

  private func forward(_ x: P, bias: P, _ memory: LineMemory, outputs: M) {
    let packed = (packedPanels(weights.input), packedPanels(weights.hidden))
    let starts = (input.starts(input.channels), hidden.starts(padded))
    for step in 0..<schedule.steps {
      let alive = schedule.alive[step]
      parallel(alive) { rows in
        for row in rows {
          let position = schedule.positions[number(step, row)]
          input.pad(x + position * input.inputCount * input.channels, into: memory.input(step, row))
        }
      }
      parallel(alive * lineCount, grain: grain) { lines in
        let scratch = memory.keepsSteps ? nil : Storage(count: lineWidth * gates)
        for index in lines {
          let (row, line) = (index / lineCount, index % lineCount)
          let sums = scratch?.pointer ?? memory.gates(step, row) + hidden.gradientPlace(line: line) * gates
          input.outputs(
            0..<lineWidth, line: line, of: memory.input(step, row), channels: input.channels, starts: starts.0,
            packed: packed.0.address, columns: gates, bias: bias, into: sums, step: gates)
          hidden.outputs(
            0..<lineWidth, line: line, of: memory.hidden(before: step, row), channels: padded, starts: starts.1,
            packed: packed.1.address, columns: gates, accumulate: true, into: sums, step: gates)
          let place = hidden.inputPlace(line: line) * padded
          let next = memory.hidden(after: step, row) + place
          let cells = memory.cells(after: step, row) + line * lineWidth * padded
          if memory.keepsSteps {
            kernels.copy(lineWidth * padded, memory.cells(before: step, row) + line * lineWidth * padded, cells)
          }
          kernels.recurrentGates(
            RecurrentGatesArguments(
              kind: RecurrentKind.lstm.rawValue, hiddenSize: filters, sums: sums, sumsStride: gates,
              previous: memory.hidden(before: step, row) + place, next: next, cell: cells,
              keptGates: memory.keepsSteps ? sums : nil), 0, lineWidth)
          let position = schedule.positions[number(step, row)]
          copyRows(
            lineWidth, filters, P(next), padded, outputs + (position * places + line * lineWidth) * filters, filters)
        }
        withExtendedLifetime(scratch) {}
      }
    }
    withExtendedLifetime((packed.0, packed.1)) {}
  }

  // MARK: - Backward

  private func backward(
    _ gradients: [Tensor?], _ x: Tensor, wantsInput: Bool, _ memory: LineMemory
  ) -> [Tensor?] {
    let size = places * filters
    func carried(_ gradient: Tensor?) -> Storage {
      let values = Storage(count: schedule.rows * places * padded)
      if padded > filters || gradient == nil { kernels.fill(values.count, 0, values.pointer) }
      gradient?.read { source in
        for (rank, row) in schedule.order.enumerated() {
          copyRows(places, filters, source + row * size, filters, values.pointer + rank * places * padded, padded)
        }
      }
      return values
    }
    let (hiddens, cells) = (carried(gradients[1]), carried(gradients[2]))
    let turned = weights.hidden.read { hidden.turnedPanels($0, outputs: gates) }
    let starts = hidden.starts(gates)
    func through(_ outputGradient: P?) {
      for step in (0..<schedule.steps).reversed() {
        let alive = schedule.alive[step]
        parallel(alive * lineCount, grain: max(1, Tensor.elementGrain / (lineWidth * gates))) { lines in
          for index in lines {
            let (row, line) = (index / lineCount, index % lineCount)
            let place = (row * places + line * lineWidth) * padded
            if let outputGradient {
              let position = schedule.positions[number(step, row)]
              let source = outputGradient + (position * places + line * lineWidth) * filters
              if padded == filters {
                kernels.addScaled(lineWidth * filters, 1, source, hiddens.pointer + place)
              } else {
                for unit in 0..<lineWidth {
                  kernels.addScaled(filters, 1, source + unit * filters, hiddens.pointer + place + unit * padded)
                }
              }
            }
            kernels.recurrentGatesBackward(
              RecurrentGatesBackwardArguments(
                kind: RecurrentKind.lstm.rawValue, hiddenSize: filters,
                gates: memory.gates(step, row) + hidden.gradientPlace(line: line) * gates,
                previous: hiddens.address + place,
                cell: memory.cells(before: step, row) + line * lineWidth * padded, cellStride: padded,
                hiddenGradient: hiddens.pointer + place, cellGradient: cells.pointer + place), 0, lineWidth)
          }
        }
        parallel(alive * lineCount, grain: max(1, (1 << 18) / (lineWidth * hidden.width * gates))) { lines in
          for index in lines {
            let (row, line) = (index / lineCount, index % lineCount)
            hidden.inputGradients(
              0..<lineWidth, line: line, of: memory.gates(step, row), outputs: gates, starts: starts,
              packed: turned.address, into: hiddens.pointer + (row * places + line * lineWidth) * padded, step: padded)
          }
        }
      }
    }
    if let outputGradient = gradients[0] { outputGradient.read { through($0) } } else { through(nil) }
    let weights = weightGradients(memory)
    let inputGradient = wantsInput ? inputGradient(memory, shape: x.shape) : nil
    func states(_ values: Storage) -> Tensor {
      Tensor([schedule.rows, size]) { target in
        for (rank, row) in schedule.order.enumerated() {
          copyRows(places, filters, values.address + rank * places * padded, padded, target + row * size, filters)
        }
      }
    }
    defer { withExtendedLifetime((hiddens, cells, turned, memory)) {} }
    return weights + [inputGradient, states(hiddens), states(cells)]
  }

  /// The gradients of W, R and b.
  private func weightGradients(_ memory: LineMemory) -> [Tensor] {
    let (inputRows, hiddenRows) = (input.width, hidden.width)
    var sums = Tensor.zeros([inputRows + hiddenRows, gates])
    let steps = (0..<schedule.steps).flatMap { step in (0..<schedule.alive[step]).map { (step: step, row: $0) } }
    sums.write { target in
      addWeightGradients(
        [
          WeightGradientPart(
            lines: input, sample: { P(memory.input(steps[$0].step, steps[$0].row)) }, target: target),
          WeightGradientPart(
            lines: hidden, sample: { P(memory.hidden(before: steps[$0].step, steps[$0].row)) },
            target: target + inputRows * gates),
        ], samples: steps.count, outputs: gates
      ) { P(memory.gates(steps[$0].step, steps[$0].row)) }
    }
    let bias = Tensor([gates]) { target in
      let rows = schedule.count * hidden.paddedCount
      kernels.fill(gates, 0, target)
      parallel(gates, grain: max(16, Tensor.elementGrain / max(1, rows)), multiple: 16) { part in
        kernels.sumRows(
          rows, part.count, P(memory.gates(0, 0)) + part.lowerBound, gates, target + part.lowerBound)
      }
    }
    func weight(_ rows: Range<Int>, _ shape: [Int]) -> Tensor {
      sums.slice(rows, axis: 0).transposed.reshaped(shape)
    }
    let hiddenWeight = weight(inputRows..<inputRows + hiddenRows, weights.hidden.shape)
    return [
      weight(0..<inputRows, weights.input.shape),
      padded == filters ? hiddenWeight : hiddenWeight.slice(0..<filters, axis: -1), bias,
    ]
  }

  /// The gradient of the input, zero at steps that are not valid.
  private func inputGradient(_ memory: LineMemory, shape: [Int]) -> Tensor {
    let turned = weights.input.read { input.turnedPanels($0, outputs: gates) }
    let starts = input.starts(gates)
    let lines = input.input[0] * input.input[1]
    let width = input.input[2]
    let size = input.inputCount * input.channels
    let steps = (0..<schedule.steps).flatMap { step in (0..<schedule.alive[step]).map { (step: step, row: $0) } }
    return Tensor(shape) { target in
      if schedule.count < schedule.batch * schedule.time { kernels.fill(shape.product, 0, target) }
      parallel(schedule.count * lines, grain: max(1, (1 << 18) / (width * input.width * gates))) { part in
        for index in part {
          let (number, line) = (index / lines, index % lines)
          input.inputGradients(
            0..<width, line: line, of: memory.gates(steps[number].step, steps[number].row), outputs: gates,
            starts: starts, packed: turned.address,
            into: target + schedule.positions[number] * size + line * width * input.channels, step: input.channels)
        }
      }
      withExtendedLifetime(turned) {}
    }
  }

  // MARK: - Memory

  /// The buffers of a scan. Where gradients are wanted, all steps stay; else the last two.
  final class LineMemory {
    let keepsSteps: Bool
    private let schedule: Schedule
    private let sizes: (input: Int, hidden: Int, cells: Int, gates: Int)
    private let values: (input: Storage, hidden: Storage, cells: Storage, gates: Storage)

    init(_ scan: LineScan, keepsSteps: Bool) {
      self.keepsSteps = keepsSteps
      schedule = scan.schedule
      let (rows, count, place) = (schedule.rows, schedule.count, scan.hidden.paddedCount)
      sizes = (place * scan.input.channels, place * scan.padded, scan.places * scan.padded, place * scan.gates)
      values = (
        Storage(count: (keepsSteps ? count : rows) * sizes.input),
        Storage(count: (keepsSteps ? rows + count : 2 * rows) * sizes.hidden),
        Storage(count: (keepsSteps ? rows + count : rows) * sizes.cells),
        Storage(count: keepsSteps ? count * sizes.gates : 0)
      )
      let (hidden, cells) = (scan.hidden, values)
      parallel(cells.hidden.count / max(1, sizes.hidden)) { slots in
        for slot in slots {
          hidden.clearBorders(
            cells.hidden.pointer + slot * sizes.hidden, scan.padded, sizes: hidden.input, before: hidden.before)
        }
      }
      parallel(keepsSteps ? count : 0) { slots in
        for slot in slots {
          hidden.clearBorders(
            cells.gates.pointer + slot * sizes.gates, scan.gates, sizes: hidden.output, before: hidden.gradientBefore)
        }
      }
    }

    /// Where what leaves a step stands; −1 is before the first one.
    private func slot(_ step: Int, _ row: Int) -> Int {
      if step < 0 { return row }
      return keepsSteps ? schedule.rows + schedule.offsets[step] + row : (step + 1) % 2 * schedule.rows + row
    }

    func input(_ step: Int, _ row: Int) -> M {
      values.input.pointer + (keepsSteps ? schedule.offsets[step] + row : row) * sizes.input
    }
    func hidden(before step: Int, _ row: Int) -> M { values.hidden.pointer + slot(step - 1, row) * sizes.hidden }
    func hidden(after step: Int, _ row: Int) -> M { values.hidden.pointer + slot(step, row) * sizes.hidden }
    func cells(before step: Int, _ row: Int) -> M {
      values.cells.pointer + (keepsSteps ? slot(step - 1, row) : row) * sizes.cells
    }
    func cells(after step: Int, _ row: Int) -> M {
      values.cells.pointer + (keepsSteps ? slot(step, row) : row) * sizes.cells
    }
    func gates(_ step: Int, _ row: Int) -> M {
      values.gates.pointer + (schedule.offsets[step] + row) * sizes.gates
    }

    /// Takes the states before the first step.
    func begin(from state: Cell.State, _ scan: LineScan) {
      let (places, filters, padded) = (scan.places, scan.filters, scan.padded)
      read(state.hidden, state.cell) { hidden, cell in
        for (rank, row) in schedule.order.enumerated() {
          let cells = cells(before: 0, rank)
          kernels.fill(places * padded, 0, cells)
          copyRows(places, filters, cell + row * places * filters, filters, cells, padded)
          for line in 0..<scan.lineCount {
            let target = self.hidden(before: 0, rank) + scan.hidden.inputPlace(line: line) * padded
            kernels.fill(scan.lineWidth * padded, 0, target)
            copyRows(
              scan.lineWidth, filters, hidden + (row * places + line * scan.lineWidth) * filters, filters, target,
              padded)
          }
        }
      }
    }

    /// The states after each row's last step.
    func final(_ scan: LineScan) -> (hidden: Tensor, cell: Tensor) {
      let (places, filters, padded) = (scan.places, scan.filters, scan.padded)
      let shape = [schedule.rows, places * filters]
      var last = Array(repeating: -1, count: schedule.rows)
      for (step, alive) in schedule.alive.enumerated() { for row in 0..<alive { last[row] = step } }
      let hidden = Tensor(shape) { target in
        for (rank, row) in schedule.order.enumerated() {
          for line in 0..<scan.lineCount {
            copyRows(
              scan.lineWidth, filters,
              P(self.hidden(after: last[rank], rank)) + scan.hidden.inputPlace(line: line) * padded, padded,
              target + (row * places + line * scan.lineWidth) * filters, filters)
          }
        }
      }
      let cell = Tensor(shape) { target in
        for (rank, row) in schedule.order.enumerated() {
          copyRows(
            places, filters, P(cells(after: last[rank], rank)), padded, target + row * places * filters, filters)
        }
      }
      return (hidden, cell)
    }
  }
}

/// Copies rows of `size` floats from one distance to another.
private func copyRows(_ rows: Int, _ size: Int, _ source: P, _ sourceStep: Int, _ target: M, _ targetStep: Int) {
  if sourceStep == size, targetStep == size { return kernels.copy(rows * size, source, target) }
  for row in 0..<rows { kernels.copy(size, source + row * sourceStep, target + row * targetStep) }
}
