"""The mistakes that people make in 12-language-models, as edits of the solution.

Many were seen in public code, in forum threads or in papers' own appendices (a
perplexity averaged over batches, argmax called sampling, a temperature on
probabilities, targets counted in the training text); the sentence names the mistake
and where to look, not the line to write.
"""

from autograder.exercise import Edit

_IN_PLACE = (
    "the values are right, and the caller's array has changed with them: work on a copy"
)

BUGS = {
    "char_vocab": [
        Edit("above-the-bound", "counts[s] >= least", "counts[s] > least",
             "a symbol that occurs exactly `least` times is left out: it stays."),
        Edit("everything-kept", "if counts[s] >= least", "if counts[s]",
             "rare symbols are kept, too: then UNKNOWN never occurs in training and "
             "nothing is learned about it."),
        Edit("no-unknown", "[UNKNOWN, *sorted(kept)]", "sorted(kept)",
             "there is no place for symbols that were never seen: UNKNOWN is number 0."),
        Edit("unknown-last", "[UNKNOWN, *sorted(kept)]", "[*sorted(kept), UNKNOWN]",
             "UNKNOWN stands at the end: it is number 0."),
        Edit("by-frequency", "sorted(kept)", "sorted(kept, key=lambda s: -counts[s])",
             "the symbols are in the order of their frequency: sort them by "
             "themselves, so that the numbers do not depend on chance."),
        Edit("as-they-came", "sorted(kept)", "kept",
             "the symbols are in the order in which they came: sort them."),
        Edit("lower-case", "Counter(text)",
             "Counter(text.lower() if isinstance(text, str) else "
             "[s.lower() for s in text])",
             "capital letters are gone: they are symbols of their own."),
        Edit("no-spaces", "if counts[s] >= least", "if counts[s] >= least and s.strip()",
             "blanks and ends of lines are missing: to a model of characters they are "
             "symbols like others."),
        Edit("only-rare", "counts[s] >= least", "counts[s] < least",
             "the rare symbols are kept and the frequent ones are not: the comparison "
             "is the wrong way round."),
    ],
    "encode": [
        Edit("unknown-is-minus-one", "place.get(s, 0)", "place.get(s, -1)",
             "unknown symbols are -1: as a row number this is the last symbol, without "
             "complaint. Theirs is 0."),
        Edit("unknown-is-V", "place.get(s, 0)", "place.get(s, len(letters))",
             "unknown symbols get a number of their own, V, for which no table has a "
             "row: theirs is 0."),
        Edit("unknown-dropped", "[place.get(s, 0) for s in text]",
             "[place[s] for s in text if s in place]",
             "unknown symbols are dropped: the text gets shorter, and what stood "
             "apart stands side by side."),
        Edit("no-strangers", "place.get(s, 0)", "place[s]",
             "a symbol that is not in `letters` ends it with an error: it is number 0."),
        Edit("from-one", "enumerate(letters)", "enumerate(letters, 1)",
             "the numbers begin with 1: the first symbol in `letters` is 0."),
        Edit("sorted-anew", "enumerate(letters)", "enumerate(sorted(letters))",
             "the numbers are places in sorted order: they are places in `letters`, "
             "whatever its order."),
        Edit("lower-case", "for s in text]", "for s in map(str.lower, text)]",
             "capital letters are read as small ones."),
        Edit("code-points", "place.get(s, 0)", "place.get(s, 0) and ord(s[0])",
             "these are the code points of the characters: asked for are places in "
             "`letters`."),
        Edit("own-vocabulary", "enumerate(letters)",
             "enumerate([UNKNOWN, *sorted(set(text))])",
             "the numbers are those of a vocabulary of this text: use the one that "
             "was given, or every text has numbers of its own."),
    ],
    "perplexity": [
        Edit("mean-of-exponentials", "np.exp(surprise.mean())", "np.exp(surprise).mean()",
             "the perplexity is a mean of exponentials: average the surprises first. "
             "One very unlikely symbol outweighs all others otherwise."),
        Edit("mean-over-columns", "np.exp(surprise.mean())",
             "np.mean([np.exp((log_z - said)[:, b][mask[:, b]].mean()) "
             "for b in range(mask.shape[1]) if mask[:, b].any()])",
             "each column has a perplexity of its own, and these are averaged: average "
             "the surprises of all positions, and take the exponential once."),
        Edit("mean-of-row-means", "np.exp(surprise.mean())",
             "np.exp(np.mean([(log_z - said)[t][mask[t]].mean() "
             "for t in range(len(mask)) if mask[t].any()]))",
             "means over the steps are averaged, as if every step had equally many "
             "positions that count: divide one sum by one number."),
        Edit("exp-of-bits", "np.exp(surprise.mean())",
             "np.exp(surprise.mean() / np.log(2))",
             "e is raised to bits: either 2 to the bits or e to the nats."),
        Edit("two-to-the-nats", "np.exp(surprise.mean())", "2 ** surprise.mean()",
             "2 is raised to nats: either 2 to the bits or e to the nats."),
        Edit("loss-returned", "np.exp(surprise.mean())", "surprise.mean()",
             "the perplexity is the mean surprise: the exponential is missing."),
        Edit("nats-not-bits", "surprise.sum() / np.log(2) / characters",
             "surprise.sum() / characters",
             "bits are still nats: divide by ln 2."),
        Edit("times-log-two", "surprise.sum() / np.log(2) / characters",
             "surprise.sum() * np.log(2) / characters",
             "nats are multiplied by ln 2 to make bits: a bit is ln 2 = 0.69 nats, so "
             "there are more bits than nats."),
        Edit("bits-per-symbol", "surprise.sum() / np.log(2) / characters",
             "surprise.mean() / np.log(2)",
             "these are bits per symbol: divide by the characters with which the "
             "symbols are spelled."),
        Edit("all-characters", "spelled[targets][mask].sum()", "spelled[targets].sum()",
             "the characters of all positions are counted: those that are masked out "
             "do not count."),
        Edit("average-spelling", "spelled[targets][mask].sum()",
             "spelled.mean() * mask.sum()",
             "every symbol counts with the mean length of the vocabulary: count the "
             "characters of those that really came."),
        Edit("mask-ignored", "(log_z - said)[mask]", "(log_z - said)",
             "all positions count: only those with mask True do."),
        Edit("masked-as-zero", "(log_z - said)[mask]", "(log_z - said) * mask",
             "positions that are masked out count with a surprise of zero: leave them "
             "out of the mean as well."),
        Edit("largest-logit", "np.take_along_axis(shifted, targets[..., None], "
             "axis=-1)[..., 0]", "shifted.max(axis=-1)",
             "the surprise is that of the most probable symbol: take the one that "
             "really came."),
        Edit("no-normalisation", "np.log(np.exp(shifted).sum(axis=-1))",
             "np.zeros(targets.shape)",
             "logits are taken for logarithms of probabilities: the softmax is "
             "missing."),
        Edit("overflow", "shifted = logits - logits.max(axis=-1, keepdims=True)",
             "shifted = logits",
             "large logits end in infinity or NaN: take the largest off first."),
        Edit("in-place", "shifted = logits - logits.max(axis=-1, keepdims=True)",
             "shifted = logits\n    shifted -= logits.max(axis=-1, keepdims=True)",
             f"{_IN_PLACE}."),
    ],
    "witten_bell": [
        Edit("counted-in-held", "range(size, len(learn)):",
             "range(size, len(learn)):",
             "the held-out text is counted, too: what is to be foretold has been "
             "looked up.",
             (("learn, held = learn.tolist(), held.tolist()",
               "learn, held = learn.tolist() + held.tolist(), held.tolist()"),)),
        Edit("add-one", "(seen[v] + m * probs[i]) / (n + m)", "(seen[v] + 1) / (n + V)",
             "one is added to every count, and shorter contexts are not asked: mix in "
             "their probability."),
        Edit("no-shorter-context", "(seen[v] + m * probs[i]) / (n + m)",
             "seen[v] / n",
             "a symbol that never followed this context has probability zero: the "
             "shorter context has to be mixed in."),
        Edit("not-scaled", "(seen[v] + m * probs[i]) / (n + m)",
             "(seen[v] + m * probs[i]) / n",
             "the probabilities of all symbols sum to more than one: what is mixed in "
             "has to be in the denominator as well."),
        Edit("sum-in-the-mixture", "(seen[v] + m * probs[i]) / (n + m)",
             "(seen[v] + probs[i]) / (n + 1)",
             "the shorter context counts as one occurrence: it counts m times, once "
             "for each different symbol."),
        Edit("vocabulary-for-kinds", "len(seen)", "V",
             "m is the size of the vocabulary: it is how many different symbols have "
             "followed this context."),
        Edit("new-kinds", "len(seen)", "sum(1 for c in seen.values() if c == 1)",
             "m counts the symbols that followed once: it counts all different ones."),
        Edit("kinds-and-counts-swapped", "n, m = sum(seen.values()), len(seen)",
             "m, n = sum(seen.values()), len(seen)",
             "n and m are swapped: n counts occurrences, m different symbols."),
        Edit("starts-at-zero", "np.full(len(held) - k, 1 / V)",
             "np.zeros(len(held) - k)",
             "a symbol that does not occur in `learn` has probability zero: the "
             "mixture starts with 1 / V."),
        Edit("zero-if-unseen", "            if seen:\n",
             "            probs[i] *= bool(seen)\n            if seen:\n",
             "where a context never occurred the probability is zero: there P_k is "
             "P_{k-1}."),
        Edit("longest-first", "for size in range(k + 1):",
             "for size in range(k, -1, -1):",
             "the longest context is asked first, and the shortest has the last word: "
             "begin with the empty one."),
        Edit("one-context-short", "for size in range(k + 1):", "for size in range(k):",
             "the longest context, of k symbols, is not used."),
        Edit("no-empty-context", "for size in range(k + 1):",
             "for size in range(1, k + 1):",
             "the empty context is left out: P_0, the frequencies, comes between 1 / V "
             "and the context of one symbol."),
        Edit("sees-the-answer", "tuple(held[i + k - size : i + k])",
             "tuple(held[i + k - size + 1 : i + k + 1])",
             "the context holds the symbol that is to be foretold: it ends before."),
        Edit("reversed-context", "tuple(learn[t - size : t])",
             "tuple(learn[t - size : t][::-1])",
             "contexts are stored back to front and looked up as they are."),
    ],
    "next_probs": [
        Edit("temperature-times", "shifted / temperature", "shifted * temperature",
             "logits are multiplied by the temperature: hot should be flat."),
        Edit("no-temperature", "shifted / temperature", "shifted",
             "the temperature is not used."),
        Edit("temperature-on-probabilities", "np.exp(shifted / temperature)",
             "np.exp(np.exp(shifted) / np.exp(shifted).sum(-1, keepdims=True) "
             "/ temperature)",
             "the temperature divides probabilities, and a softmax of these is taken: "
             "it divides logits."),
        Edit("zero-to-the-first", "(shifted == 0).astype(logits.dtype)",
             "(np.arange(logits.shape[1]) == logits.argmax(-1)[:, None])"
             ".astype(logits.dtype)",
             "at temperature 0 one of several largest logits gets all: in the limit "
             "they share."),
        Edit("zero-not-handled", "if temperature == 0:", "if False:",
             "temperature 0 ends in a division by zero: the limit has to be written "
             "down by itself."),
        Edit("cold-overflow", "np.exp(shifted / temperature)",
             "np.exp(logits / temperature)",
             "at a small temperature the exponentials overflow: take the largest logit "
             "off first."),
        Edit("ties-the-other-way", 'np.argsort(-logits, axis=-1, kind="stable")',
             'np.argsort(logits, axis=-1, kind="stable")[:, ::-1]',
             "of equal logits the larger number goes first: a sort turned round turns "
             "the ties round as well."),
        Edit("ties-stay", "falling[:, top_k:] = 0",
             "falling[np.take_along_axis(logits, order, -1) < np.sort(logits)[:, "
             "-min(top_k, logits.shape[1])][:, None]] = 0",
             "more than top_k symbols stay where logits are equal: exactly top_k do, "
             "the ones with the smaller numbers."),
        Edit("no-top-k", "falling[:, top_k:] = 0", "falling[:, logits.shape[1]:] = 0",
             "top_k is not used."),
        Edit("one-too-many", "falling[:, top_k:] = 0", "falling[:, top_k + 1:] = 0",
             "one symbol too many stays after top k."),
        Edit("least-probable-k", "falling[:, top_k:] = 0",
             "falling[:, :max(0, logits.shape[1] - top_k)] = 0",
             "the least probable symbols stay: top k keeps the most probable."),
        Edit("p-before-k", "    falling[:, top_k:] = 0\n    falling /=", "    falling /=",
             "top p is measured before top k has cut and what is left has been scaled: "
             "the order is temperature, top k, top p, each of what the one before left.",
             (("falling[before >= top_p] = 0",
               "falling[before >= top_p] = 0\n    falling[:, top_k:] = 0"),)),
        Edit("nucleus-too-small", "before >= top_p", "before + falling >= top_p",
             "the symbol that reaches top_p is cut off: it belongs to the nucleus, and "
             "without it nothing may be left."),
        Edit("nucleus-too-large", "falling[before >= top_p] = 0",
             "falling[:, 1:][before[:, :-1] >= top_p] = 0",
             "one symbol too many is in the nucleus: a symbol stays if those before it "
             "sum to less than top_p."),
        Edit("small-ones-cut", "before >= top_p", "falling < 1 - top_p",
             "symbols with a probability below 1 - top_p are cut: what counts is the "
             "sum of the more probable ones."),
        Edit("no-top-p", "falling[before >= top_p] = 0", "pass",
             "top_p is not used."),
        Edit("not-rescaled", "    falling /= falling.sum(axis=-1, keepdims=True)\n"
             "    probs", "    probs",
             "the rows do not sum to one: scale after top p as well."),
        Edit("left-in-order", "np.put_along_axis(probs, order, falling, axis=-1)",
             "probs += falling",
             "the probabilities stand in falling order: put each back at the place of "
             "its symbol."),
        Edit("order-of-the-order", "np.put_along_axis(probs, order, falling, axis=-1)",
             "probs += np.take_along_axis(falling, order, axis=-1)",
             "the way back uses the order once more in place of its inverse: symbols "
             "have got each other's probabilities."),
        Edit("uniform", "falling[before >= top_p] = 0",
             "falling[before >= top_p] = 0\n    falling[falling > 0] = 1",
             "what is left is drawn evenly: the probabilities keep their ratios."),
        Edit("in-place", "shifted = logits - logits.max(axis=-1, keepdims=True)",
             "shifted = np.subtract(logits, logits.max(axis=-1, keepdims=True), logits)",
             f"{_IN_PLACE}."),
        Edit("float64-always", "np.zeros_like(falling)", "np.zeros(falling.shape)",
             "the result is always float64: the float type has to follow the logits."),
    ],
    "sample": [
        Edit("argmax", "(reached <= u[:, None]).sum(axis=-1)", "probs.argmax(axis=-1)",
             "this is the most probable symbol, every time: u has to decide."),
        Edit("one-too-far", "(reached <= u[:, None]).sum(axis=-1)",
             "np.minimum((reached <= u[:, None]).sum(axis=-1) + 1, probs.shape[1] - 1)",
             "the symbol after the one that u fell on came back."),
        Edit("one-too-low", "(reached <= u[:, None]).sum(axis=-1)",
             "np.maximum((reached <= u[:, None]).sum(axis=-1) - 1, 0)",
             "the symbol before the one that u fell on came back."),
        Edit("from-the-other-end", "u[:, None]", "1 - u[:, None]",
             "the line is walked from its other end: the distribution is right, and "
             "the same u gives another symbol than it should."),
        Edit("one-u-for-all", "u[:, None]", "u[0]",
             "one number decides for all rows: each row has its own."),
        Edit("sorted-line", "np.cumsum(probs, axis=-1)",
             "np.cumsum(-np.sort(-probs, axis=-1), axis=-1)",
             "what came back is a place in falling order: the pieces lie in the order "
             "of the symbols' numbers."),
        Edit("knobs-unused", "next_probs(logits, temperature, top_k, top_p)",
             "next_probs(logits, 1, logits.shape[1], 1.0)",
             "the knobs are not used: temperature, top_k and top_p are those of a model "
             "as it is."),
        Edit("k-forgotten", "next_probs(logits, temperature, top_k, top_p)",
             "next_probs(logits, temperature, logits.shape[1], top_p)",
             "top_k is not handed on."),
        Edit("p-forgotten", "next_probs(logits, temperature, top_k, top_p)",
             "next_probs(logits, temperature, top_k, 1.0)",
             "top_p is not handed on."),
        Edit("temperature-twice", "next_probs(logits, temperature, top_k, top_p)",
             "next_probs(logits / (temperature or 1), temperature, top_k, top_p)",
             "the temperature is used twice, here and in next_probs."),
        Edit("impossible-at-zero", "reached <= u[:, None]", "reached < u[:, None]",
             "u = 0 throws symbol 0 even where its probability is zero: look for the "
             "first sum that is above u, not the first that is not below."),
        Edit("beyond-the-end", "(reached <= u[:, None]).sum(axis=-1)",
             "(reached * (1 - 2.0**-52) <= u[:, None]).sum(axis=-1)",
             "where the sum of all probabilities ends a hair below 1 and u lies above, "
             "a symbol comes out that has no probability, or that does not exist."),
    ],
    "misfit": [
        Edit("not-squared", "(counts[possible] - due) ** 2", "abs(counts[possible] - due)",
             "the deviations are not squared."),
        Edit("no-weights", "** 2 / due)", "** 2)",
             "each square has to be divided by what was expected."),
        Edit("divided-by-counts", "** 2 / due)", "** 2 / np.maximum(1, counts[possible]))",
             "squares are divided by what came: divide by what was expected. (Neyman's "
             "variant of the test does this, and fails where little comes.)"),
        Edit("shares", "due = counts.sum() * probs[possible]",
             "due = probs[possible]",
             "counts are compared with probabilities: expected are N p throws."),
        Edit("possible-throws-only", "counts.sum() * probs[possible]",
             "counts[possible].sum() * probs[possible]",
             "N is the number of the possible throws: all throws count, the impossible "
             "ones are missing elsewhere."),
        Edit("one-freedom-too-many", "possible.sum() - 1", "possible.sum()",
             "the degrees of freedom are one less than the terms: the counts sum to N, "
             "so the last one is known."),
        Edit("freedom-of-all", "possible.sum() - 1", "len(probs) - 1",
             "symbols that cannot come are counted as degrees of freedom."),
        Edit("freedom-of-the-throws", "possible.sum() - 1", "counts.sum() - 1",
             "the degrees of freedom are those of the symbols, not of the throws."),
        Edit("kinds-of-impossible", "counts[~possible].sum()",
             "(counts[~possible] > 0).sum()",
             "different impossible symbols are counted: count how often they came."),
        Edit("what-never-came", "counts[~possible].sum()", "(counts == 0).sum()",
             "the symbols that never came are counted: asked for is how often one came "
             "that cannot."),
        Edit("mean", "** 2 / due).sum()", "** 2 / due).mean()",
             "the terms are averaged: they are summed."),
    ],
    "tied_lm_loss": [
        Edit("input-part-lost", "read + np.einsum", "0 * read + np.einsum",
             "the gradient of E lacks the part that comes from the inputs: the table "
             "is read as well."),
        Edit("output-part-lost", 'read + np.einsum("tbv,tbd->vd", dlogits, said)',
             "read",
             "the gradient of E lacks the part that comes from the output: the table "
             "speaks as well."),
        Edit("duplicates-lost", 'embed_backward(back["dxs"], inputs, len(E))',
             'embed_backward(0 * back["dxs"], inputs, len(E))\n'
             '    read[inputs] += back["dxs"]',
             "a symbol that is read several times counts once in the gradient of E."),
        Edit("targets-not-shifted", "inputs, targets = ids[:-1], ids[1:]",
             "inputs, targets = ids[:-1], ids[:-1]",
             "the network is asked for what it is shown: targets are ids[1:]."),
        Edit("targets-shifted-twice", "inputs, targets = ids[:-1], ids[1:]",
             "inputs, targets = ids[:-1], np.concatenate([ids[2:], ids[-1:]])",
             "the targets are shifted twice: they are ids[1:]."),
        Edit("h0-ignored", "rnn_forward(E[inputs], h0, *cell)",
             "rnn_forward(E[inputs], 0 * h0, *cell)",
             "the state before is ignored: the run starts at h0."),
        Edit("bias-forgotten", 'said @ E.T + params["b_y"]', "said @ E.T",
             "the bias b_y is not added."),
        Edit("straight-to-the-state", "dsaid @ W_hd.T, cache", "dsaid @ W_hd.T * 0, cache",
             "no gradient reaches the states: dsaid has to go back through W_hd."),
        Edit("first-state", "hs[-1]", "hs[0]",
             "the state after the first step came back: the last one is handed on."),
        Edit("state-from-before", "return loss, grads, hs[-1]",
             "return loss, grads, h0.copy()",
             "h0 came back as the last state."),
        Edit("summed-over-time", "return loss, grads, hs[-1]",
             "return loss * len(targets), {n: len(targets) * g for n, g in "
             "grads.items()}, hs[-1]",
             "the loss is summed over time: it is the mean over all T * B predictions."),
        Edit("last-step-only", "everywhere = np.ones(targets.shape, dtype=bool)",
             "everywhere = np.zeros(targets.shape, dtype=bool)\n"
             "    everywhere[-1] = True",
             "only the last prediction of every column counts: all T do."),
        Edit("said-for-states", 'np.einsum("tbh,tbd->hd", hs, dsaid)',
             'np.einsum("tbh,tbd->hd", hs, said)',
             "the gradient of W_hd is made of what was said and not of its gradient."),
        Edit("hd-first-step", 'np.einsum("tbh,tbd->hd", hs, dsaid)',
             'np.einsum("bh,bd->hd", hs[-1], dsaid[-1])',
             "the gradient of W_hd is that of the last step alone: sum over all."),
        Edit("db_y-mean", "dlogits.sum(axis=(0, 1))", "dlogits.mean(axis=(0, 1))",
             "db_y is averaged over the positions: the loss has done so already, sum "
             "here."),
        Edit("in-place", "E, W_hd = params[\"E\"], params[\"W_hd\"]",
             "E, W_hd = params[\"E\"], params[\"W_hd\"]\n    h0 *= 1.0 + 1e-7",
             f"h0 is written into: {_IN_PLACE}."),
    ],
    "generate": [
        Edit("prefix-not-read", "for v in prefix[:-1]:", "for v in prefix[:0]:",
             "only the last symbol of the beginning is read: the state has to go "
             "through all of it."),
        Edit("last-read-twice", "for v in prefix[:-1]:", "for v in prefix:",
             "the last symbol of the beginning is read twice."),
        Edit("own-words-not-read", "        written.append(v)",
             "        written.append(v)\n        v = prefix[-1]",
             "what was written is not read: each throw is the next input."),
        Edit("forgets", "    for u in us:\n",
             "    for u in us:\n        h_t = 0 * h_t\n",
             "the state is reset before every symbol: then the network knows the last "
             "one only."),
        Edit("state-stands-still", "h_t, _ = rnn_step_forward(E[v][None], h_t, *cell)\n"
             "        logits", "h_u, _ = rnn_step_forward(E[v][None], h_t, *cell)\n"
             "        logits",
             "while it writes, the state stays where it was after the beginning.",
             (("logits = h_t @", "logits = h_u @"),)),
        Edit("state-before", "logits = h_t @", "logits = h_before @",
             "the output is made of the state before the symbol was read: first read, "
             "then throw.",
             (("    for u in us:\n", "    for u in us:\n        h_before = h_t\n"),)),
        Edit("greedy", "sample(logits, temperature, top_k, top_p, np.array([u]))",
             "sample(logits, 0, top_k, top_p, np.array([u]))",
             "the most probable symbol is written each time: throw the dice."),
        Edit("knobs-unused", "sample(logits, temperature, top_k, top_p, np.array([u]))",
             "sample(logits, 1.0, logits.shape[1], 1.0, np.array([u]))",
             "temperature, top_k and top_p are not handed on."),
        Edit("one-u-for-all", "np.array([u])", "us[:1]",
             "the first number decides every throw: each throw has its own."),
        Edit("bias-forgotten", 'params["W_hd"] @ E.T + b_y', 'params["W_hd"] @ E.T',
             "the bias b_y is not added."),
        Edit("with-the-prefix", "v, written = prefix[-1], []",
             "v, written = prefix[-1], [*prefix]",
             "the beginning came back, too: only what was written is asked for."),
        Edit("shifted", "written.append(v)", "written.append(prefix[-1])",
             "what was read came back in place of what was written.",
             (("        v = sample(", "        prefix = [v]\n        v = sample("),)),
    ],
    "train_lm": [
        Edit("uphill", "dw, (m, v) = grads[\"d\" + name], moments[name]",
             "dw, (m, v) = -grads[\"d\" + name], moments[name]",
             "the loss rises: the steps go uphill, with the gradient."),
        Edit("untrained", '{"new_params": weights,',
             '{"new_params": {n: w.copy() for n, w in params.items()},',
             "the weights that came back are those that went in."),
        Edit("table-frozen", "            for name, w in weights.items():",
             "            for name, w in [*weights.items()][1:]:",
             "some array is as it was at the start: all six have to be trained, the "
             "table E, too."),
        Edit("one-window-for-ever", "tied_lm_loss(weights, ids, h)",
             "tied_lm_loss(weights, windows[0], h)",
             "the first window has been learned by heart and nothing else: each update "
             "reads a window of its own."),
        Edit("state-not-carried", "loss, grads, h = tied", "loss, grads, _ = tied",
             "every window is entered with a state of zeros: the last state of the "
             "window before belongs there."),
        Edit("never-back-at-zero", "        h = np.zeros((B, H))\n", "",
             "a new pass begins with the state of the end of the text: the columns "
             "begin anew, with zeros.",
             (("    losses, n = [], 0\n",
               "    losses, n = [], 0\n    h = np.zeros((B, H))\n"),)),
        Edit("one-pass", "for _ in range(epochs):", "for _ in range(1):",
             "there is one pass over the windows: `epochs` are asked for. And each "
             "window that is read has its loss."),
        Edit("mean-losses", "np.array(losses)",
             "np.array(losses).reshape(epochs, -1).mean(axis=1)",
             "one loss for every pass came back: one for every window is asked for."),
        Edit("in-place", "{name: w.copy() for name, w in params.items()}", "params",
             f"the training writes into params: {_IN_PLACE}."),
    ],
}
