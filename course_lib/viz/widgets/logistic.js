// The two functions of a logit that the games are made of: sigmoid, D = 1 / (1 + exp(-l)), and softplus, log(1 + exp(l)).

export const softplus = (l) => Math.max(l, 0) + Math.log1p(Math.exp(-Math.abs(l)));
export const sigmoid = (l) => (l >= 0 ? 1 / (1 + Math.exp(-l)) : Math.exp(l) / (1 + Math.exp(l)));
