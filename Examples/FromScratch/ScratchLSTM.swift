// The LSTM with nothing but tensors: the forward and the backward pass. Guides/LSTM.md explains the first,
// Guides/Backpropagation.md derives the second. main.swift compares the numbers with the layer's.
import Refrain

/// W `[4H, I]`, R `[4H, H]` and b `[4H]`; the blocks of rows are input gate, forget gate, candidate and output gate.
struct Weights { var w, r, b: Tensor }

/// What a step leaves for the backward pass: what it read, its gates, and the hyperbolic tangent of its new cell state.
struct Step { let x, h, c, i, f, g, o, squashed: Tensor }

/// The hidden state after each step of x `[T][B, I]`.
func forward(_ inputs: [Tensor], _ weights: Weights) -> (outputs: [Tensor], steps: [Step]) {
  let size = weights.r.shape[1]
  var h = Tensor.zeros([inputs[0].shape[0], size])
  var c = h
  var (outputs, steps): ([Tensor], [Step]) = ([], [])
  for x in inputs {
    let sums =
      x.matrixProduct(weights.w, transposingOther: true)
      + h.matrixProduct(weights.r, transposingOther: true) + weights.b
    func block(_ number: Int) -> Tensor { sums.slice(number * size..<(number + 1) * size, axis: 1) }
    let (i, f, g, o) = (sigmoid(block(0)), sigmoid(block(1)), tanh(block(2)), sigmoid(block(3)))
    let next = f * c + i * g
    steps.append(Step(x: x, h: h, c: c, i: i, f: f, g: g, o: o, squashed: tanh(next)))
    c = next
    h = o * tanh(next)
    outputs.append(h)
  }
  return (outputs, steps)
}

/// The gradient by the weights, from that by the hidden state after each step.
func backward(_ dOutputs: [Tensor], _ steps: [Step], _ weights: Weights) -> Weights {
  var gradient = Weights(w: .zeros(weights.w.shape), r: .zeros(weights.r.shape), b: .zeros(weights.b.shape))
  var dh = Tensor.zeros(steps[0].h.shape)
  var dc = dh
  for (step, dOutput) in zip(steps, dOutputs).reversed() {
    let (i, f, g, o) = (step.i, step.f, step.g, step.o)
    dh += dOutput
    dc += dh * o * (1 - step.squashed.squared)
    let dSums = concatenate(
      [dc * g * i * (1 - i), dc * step.c * f * (1 - f), dc * i * (1 - g.squared), dh * step.squashed * o * (1 - o)],
      axis: 1)
    gradient.w += dSums.matrixProduct(step.x, transposingSelf: true)
    gradient.r += dSums.matrixProduct(step.h, transposingSelf: true)
    gradient.b += dSums.sum(axes: [0])
    dh = dSums.matrixProduct(weights.r)
    dc = dc * f
  }
  return gradient
}
